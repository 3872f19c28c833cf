-- Events by key as one JSON text: (namespace, JSON of keys).
SELECT CAST(json_group_array(json_object(
    'id', events.id, 'position', events.position, 'time', events.time, 'code', events.code,
    'key', events.key, 'emitter', events.emitter, 'emitter_task', events.emitter_task,
    'cause', events.cause, 'root', events.root, 'matched', events.matched, 'triggered', events.triggered
)) AS BLOB)
FROM json_each(?2) AS keys CROSS JOIN events ON
    events.namespace = ?1
    AND events.id = json_extract(keys.value, '$[0]');
