-- Empty the namespace's work, before it is folded again.
DELETE FROM work WHERE namespace = ?1;
