-- Started attempts whose lease has run out as one JSON text: (namespace, now, limit).
SELECT CAST(json_group_array(json_object(
    'invocation', invocation, 'task', task, 'attempt', attempt, 'due', due, 'created', created,
    'started', json(CASE started WHEN 1 THEN 'true' ELSE 'false' END), 'failures', failures, 'crashes', crashes,
    'depth', depth, 'root', root
)) AS BLOB)
FROM (
    SELECT * FROM work WHERE namespace = ?1 AND started = 1 AND lease_until <= ?2
    ORDER BY lease_until LIMIT ?3
);
