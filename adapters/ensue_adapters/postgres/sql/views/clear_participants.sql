-- Empty the namespace's participants, before they are folded again.
DELETE FROM ensue.participants WHERE namespace = :namespace;
