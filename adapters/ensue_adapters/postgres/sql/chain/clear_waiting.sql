-- Empty the namespace's waiting, before they are folded again.
DELETE FROM ensue.waiting WHERE namespace = :namespace;
