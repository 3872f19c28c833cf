-- All runs, row by row: (namespace).
SELECT
    id, position, time, service, trigger, task, outcome, invocation, branch, key, reason, author, root
FROM runs WHERE place BETWEEN ?1 << 40 AND (?1 << 40) | 1099511627775;
