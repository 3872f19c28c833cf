-- Remove some rows of a generation that is not live: (number, how many).
DELETE FROM runs WHERE place IN (
    SELECT place FROM runs WHERE place BETWEEN ?1 << 40 AND (?1 + 1 << 40) - 1 LIMIT ?2
);
