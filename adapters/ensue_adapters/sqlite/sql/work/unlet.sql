-- Give leases of unstarted work back: (namespace, JSON of invocation ids, worker).
UPDATE work SET worker = '', lease_until = 0
WHERE namespace = ?1 AND +started = 0 AND worker = ?3 AND invocation IN (SELECT value FROM json_each(?2));
