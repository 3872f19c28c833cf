-- Empty the namespace's events, before they are folded again.
DELETE FROM ensue.events WHERE namespace = :namespace;
