-- Empty the namespace's problems, before they are folded again.
DELETE FROM problems WHERE namespace = ?1;
