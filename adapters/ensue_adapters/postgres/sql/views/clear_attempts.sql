-- Empty the namespace's attempts, before they are folded again.
DELETE FROM ensue.attempts WHERE namespace = :namespace;
