-- An invocation's attempts in order.
SELECT
    attempts.invocation, attempts.attempt, attempts.started, attempts.worker, attempts.ended, attempts.status,
    attempts.position, attempts.error_type
FROM ensue.attempts WHERE namespace = :namespace AND invocation = :invocation ORDER BY attempt;
