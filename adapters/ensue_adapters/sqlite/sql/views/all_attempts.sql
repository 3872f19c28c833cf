-- All attempts, row by row: (namespace).
SELECT
    invocation, attempt, started, worker, ended, status, position, error_type
FROM attempts WHERE namespace = ?1;
