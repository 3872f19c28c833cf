-- Empty the namespace's attempts, before they are folded again.
DELETE FROM attempts WHERE namespace = ?1;
