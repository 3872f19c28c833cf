-- Attempts by key.
SELECT
    attempts.invocation, attempts.attempt, attempts.started, attempts.worker, attempts.ended, attempts.status,
    attempts.position, attempts.error_type
FROM unnest(:invocation::uuid[], :attempt::integer[]) AS wanted (invocation, attempt)
JOIN ensue.attempts ON attempts.namespace = :namespace AND attempts.invocation = wanted.invocation AND attempts.attempt = wanted.attempt;
