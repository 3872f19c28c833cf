-- Lock the rows of some invocations, always in one order, before the log lock; say which attempts have started, and until
-- when they are leased.
SELECT invocation, attempt, started, lease_until FROM ensue.work
WHERE namespace = :namespace AND invocation = ANY(:invocations::uuid[]) ORDER BY invocation FOR UPDATE;
