-- Lease unstarted work: (namespace, JSON of invocation ids, worker, lease until).
UPDATE work SET worker = ?3, lease_until = ?4
WHERE namespace = ?1 AND +started = 0 AND invocation IN (SELECT value FROM json_each(?2));
