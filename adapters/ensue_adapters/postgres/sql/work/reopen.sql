-- The next attempt is open.
UPDATE ensue.work
SET attempt = next.attempt, due = next.due, failures = next.failures, crashes = next.crashes,
    started = false, worker = '', lease_until = 0
FROM unnest(
    :invocation::uuid[], :attempt::integer[], :due::bigint[], :failures::integer[], :crashes::integer[]
) AS next (invocation, attempt, due, failures, crashes)
WHERE work.namespace = :namespace AND work.invocation = next.invocation;
