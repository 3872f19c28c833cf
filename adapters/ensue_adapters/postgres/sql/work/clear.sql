-- Empty the namespace's work, before it is folded again.
DELETE FROM ensue.work WHERE namespace = :namespace;
