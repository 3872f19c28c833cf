-- Empty the namespace's offsets, before they are folded again.
DELETE FROM ensue.topics WHERE namespace = :namespace;
