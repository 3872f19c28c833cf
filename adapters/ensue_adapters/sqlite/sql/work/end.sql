-- Invocations ended: (namespace, JSON of invocation ids).
DELETE FROM work WHERE namespace = ?1 AND invocation IN (SELECT value FROM json_each(?2));
