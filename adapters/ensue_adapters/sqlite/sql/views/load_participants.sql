-- Participants by key as one JSON text: (namespace, JSON of keys).
SELECT CAST(json_group_array(json_object(
    'run', participants.run, 'place', participants.place, 'condition', participants.condition,
    'kind', participants.kind, 'source', participants.source, 'position', participants.position,
    'occurred', participants.occurred
)) AS BLOB)
FROM json_each(?2) AS keys CROSS JOIN participants ON
    participants.namespace = ?1
    AND participants.run = json_extract(keys.value, '$[0]')
    AND participants.place = json_extract(keys.value, '$[1]');
