-- Renew leases of attempts that are current and the worker's; what is being ended just now is not.
WITH held AS MATERIALIZED (
    SELECT work.namespace, work.invocation, work.attempt
    FROM unnest(:invocations::uuid[], :attempts::integer[]) AS each (invocation, attempt)
    JOIN ensue.work ON work.namespace = :namespace AND work.invocation = each.invocation
        AND work.attempt = each.attempt
    WHERE work.started AND work.worker = :worker
    ORDER BY work.invocation FOR UPDATE OF work
)
UPDATE ensue.work SET lease_until = :until FROM held
WHERE work.namespace = held.namespace AND work.invocation = held.invocation AND work.attempt = held.attempt
    AND work.started AND work.worker = :worker
RETURNING work.invocation, work.attempt;
