-- Invocations by key as one JSON text: (namespace, JSON of keys).
SELECT CAST(json_group_array(json_object(
    'id', invocations.id, 'task', invocations.task, 'status', invocations.status,
    'created', invocations.created, 'registered', invocations.registered, 'run', invocations.run,
    'trigger', invocations.trigger, 'emitter', invocations.emitter, 'attempts', invocations.attempts,
    'due', invocations.due, 'started', invocations.started, 'ended', invocations.ended,
    'ended_at', invocations.ended_at, 'error_type', invocations.error_type,
    'error_message', invocations.error_message, 'cause', invocations.cause, 'root', invocations.root
)) AS BLOB)
FROM json_each(?2) AS keys CROSS JOIN invocations ON
    invocations.namespace = ?1
    AND invocations.id = json_extract(keys.value, '$[0]');
