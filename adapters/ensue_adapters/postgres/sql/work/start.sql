-- Attempts begun.
UPDATE ensue.work SET started = true, worker = :worker, lease_until = :until
WHERE namespace = :namespace AND invocation = ANY(:invocations::uuid[]);
