-- Started attempts whose lease has not run out, of some: (namespace, JSON of invocation ids, now).
SELECT invocation FROM work
WHERE namespace = ?1 AND +started = 1 AND lease_until > ?3 AND invocation IN (SELECT value FROM json_each(?2));
