-- Empty the namespace's schedules, before they are folded again.
DELETE FROM ensue.schedules WHERE namespace = :namespace;
