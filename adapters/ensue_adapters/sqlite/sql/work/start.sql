-- Attempts begun: (namespace, JSON of invocation ids, worker, lease until).
UPDATE work SET started = 1, worker = ?3, lease_until = ?4
WHERE namespace = ?1 AND invocation IN (SELECT value FROM json_each(?2));
