-- Empty the namespace's triggers, before they are folded again.
DELETE FROM ensue.triggers WHERE namespace = :namespace;
