-- Leases of started attempts, to carry over a rebuild.
SELECT invocation, attempt, worker, lease_until FROM ensue.work WHERE namespace = :namespace AND started;
