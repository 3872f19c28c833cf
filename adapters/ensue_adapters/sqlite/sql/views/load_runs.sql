-- Runs by key as one JSON text: (namespace, JSON of keys).
SELECT CAST(json_group_array(json_object(
    'id', runs.id, 'position', runs.position, 'time', runs.time, 'service', runs.service,
    'trigger', runs.trigger, 'task', runs.task, 'outcome', runs.outcome, 'invocation', runs.invocation,
    'branch', runs.branch, 'key', runs.key, 'reason', runs.reason, 'author', runs.author,
    'root', runs.root
)) AS BLOB)
FROM json_each(?2) AS keys CROSS JOIN runs ON
    runs.namespace = ?1
    AND runs.id = json_extract(keys.value, '$[0]');
