-- All problems, row by row.
SELECT
    position, time, kind, trigger, reason, error
FROM ensue.problems WHERE namespace = :namespace;
