-- Attempts by key as one JSON text: (namespace, JSON of keys).
SELECT CAST(json_group_array(json_object(
    'invocation', attempts.invocation, 'attempt', attempts.attempt, 'started', attempts.started,
    'worker', attempts.worker, 'ended', attempts.ended, 'status', attempts.status,
    'position', attempts.position, 'error_type', attempts.error_type
)) AS BLOB)
FROM json_each(?2) AS keys CROSS JOIN attempts ON
    attempts.namespace = ?1
    AND attempts.invocation = json_extract(keys.value, '$[0]')
    AND attempts.attempt = json_extract(keys.value, '$[1]');
