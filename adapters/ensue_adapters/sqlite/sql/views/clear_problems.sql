-- Empty the namespace's problems, before they are folded again.
DELETE FROM problems WHERE place BETWEEN ?1 << 40 AND (?1 + 1 << 40) - 1;
