-- All problems, row by row: (namespace).
SELECT
    position, time, kind, trigger, reason, error
FROM problems WHERE place BETWEEN ?1 << 40 AND (?1 << 40) | 1099511627775;
