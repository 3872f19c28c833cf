-- All work as one JSON text, for comparing a rebuild: (namespace).
SELECT CAST(json_group_array(json_object(
    'invocation', invocation, 'task', task, 'attempt', attempt, 'due', due, 'created', created,
    'started', json(CASE started WHEN 1 THEN 'true' ELSE 'false' END), 'failures', failures, 'crashes', crashes,
    'depth', depth, 'root', root
)) AS BLOB)
FROM (SELECT * FROM work WHERE namespace = ?1 ORDER BY invocation);
