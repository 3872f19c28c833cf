-- Problems by key as one JSON text: (namespace, JSON of keys).
SELECT CAST(json_group_array(json_object(
    'position', problems.position, 'time', problems.time, 'kind', problems.kind,
    'trigger', problems.trigger, 'reason', problems.reason, 'error', problems.error
)) AS BLOB)
FROM json_each(?2) AS keys CROSS JOIN problems ON
    problems.place = (?1 << 40 | json_extract(keys.value, '$[0]'));
