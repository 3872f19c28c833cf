-- Schedules by key as one JSON text: (namespace, JSON of keys).
SELECT CAST(json_group_array(json_object(
    'service', schedules.service, 'trigger', schedules.trigger, 'condition', schedules.condition,
    'expression', schedules.expression, 'timezone', schedules.timezone, 'next', schedules.next,
    'last', schedules.last, 'ticks', schedules.ticks, 'skipped', schedules.skipped
)) AS BLOB)
FROM json_each(?2) AS keys CROSS JOIN schedules ON
    schedules.namespace = ?1
    AND schedules.service = json_extract(keys.value, '$[0]')
    AND schedules.trigger = json_extract(keys.value, '$[1]')
    AND schedules.condition = json_extract(keys.value, '$[2]');
