-- Give rebuilt rows their leases back.
UPDATE ensue.work SET worker = each.worker, lease_until = each.until
FROM unnest(:invocations::uuid[], :attempts::integer[], :workers::text[], :untils::bigint[])
    AS each (invocation, attempt, worker, until)
WHERE work.namespace = :namespace AND work.invocation = each.invocation AND work.attempt = each.attempt
    AND work.started;
