-- The attempts that are current and started, and until when they are leased: (namespace, JSON of invocation ids).
SELECT CAST(json_group_array(json_array(invocation, attempt, lease_until)) AS BLOB)
FROM work
WHERE namespace = ?1 AND +started = 1 AND invocation IN (SELECT value FROM json_each(?2));
