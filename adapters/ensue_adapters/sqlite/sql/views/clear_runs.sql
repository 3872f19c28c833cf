-- Empty the namespace's runs, before they are folded again.
DELETE FROM runs WHERE place BETWEEN ?1 << 40 AND (?1 + 1 << 40) - 1;
