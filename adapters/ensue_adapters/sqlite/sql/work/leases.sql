-- Leases of started attempts, to carry over a rebuild: (namespace).
SELECT invocation, attempt, worker, lease_until FROM work WHERE namespace = ?1 AND started = 1;
