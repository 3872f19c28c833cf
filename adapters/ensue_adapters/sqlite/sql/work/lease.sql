-- Give a rebuilt row its lease back: (namespace, invocation, attempt, worker, lease until).
UPDATE work SET worker = ?4, lease_until = ?5
WHERE namespace = ?1 AND invocation = ?2 AND attempt = ?3 AND +started = 1;
