-- Empty the namespace's participants, before they are folded again.
DELETE FROM participants WHERE namespace = ?1;
