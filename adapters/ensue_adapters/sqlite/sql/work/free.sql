-- A task's oldest due work that is unstarted and unleased as one JSON text: (namespace, task, now, limit, lease now).
SELECT CAST(json_group_array(json_object(
    'invocation', invocation, 'task', task, 'attempt', attempt, 'due', due, 'created', created,
    'started', json(CASE started WHEN 1 THEN 'true' ELSE 'false' END), 'failures', failures, 'crashes', crashes,
    'depth', depth, 'root', root
)) AS BLOB)
FROM (
    SELECT * FROM work WHERE namespace = ?1 AND task = ?2 AND started = 0 AND due <= ?3 AND +lease_until <= ?5
    ORDER BY due, created LIMIT ?4
);
