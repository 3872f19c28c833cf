-- The attempts that are current and started: (namespace, JSON of invocation ids).
SELECT CAST(json_group_array(json_array(invocation, attempt)) AS BLOB)
FROM work
WHERE namespace = ?1 AND +started = 1 AND invocation IN (SELECT value FROM json_each(?2));
