-- Remove some rows of a generation that is not live: (number, how many).
DELETE FROM problems WHERE place IN (
    SELECT place FROM problems WHERE place BETWEEN ?1 << 40 AND (?1 + 1 << 40) - 1 LIMIT ?2
);
