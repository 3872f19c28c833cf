-- All attempts, row by row.
SELECT
    invocation, attempt, started, worker, ended, status, position, error_type
FROM ensue.attempts WHERE namespace = :namespace;
