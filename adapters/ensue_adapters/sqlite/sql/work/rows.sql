-- Work rows by id as one JSON text: (namespace, JSON of invocation ids).
SELECT CAST(json_group_array(json_object(
    'invocation', invocation, 'task', task, 'attempt', attempt, 'due', due, 'created', created,
    'started', json(CASE started WHEN 1 THEN 'true' ELSE 'false' END), 'failures', failures, 'crashes', crashes,
    'depth', depth, 'root', root
)) AS BLOB)
FROM work WHERE namespace = ?1 AND invocation IN (SELECT value FROM json_each(?2));
