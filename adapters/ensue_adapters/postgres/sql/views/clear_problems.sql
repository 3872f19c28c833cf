-- Empty the namespace's problems, before they are folded again.
DELETE FROM ensue.problems WHERE namespace = :namespace;
