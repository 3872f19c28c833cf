-- What triggers have done by key as one JSON text: (namespace, JSON of keys).
SELECT CAST(json_group_array(json_object(
    'service', trigger_stats.service, 'trigger', trigger_stats.trigger, 'fired', trigger_stats.fired,
    'failed', trigger_stats.failed, 'matched', trigger_stats.matched, 'expired', trigger_stats.expired,
    'dropped', trigger_stats.dropped, 'last_fired', trigger_stats.last_fired
)) AS BLOB)
FROM json_each(?2) AS keys CROSS JOIN trigger_stats ON
    trigger_stats.namespace = ?1
    AND trigger_stats.service = json_extract(keys.value, '$[0]')
    AND trigger_stats.trigger = json_extract(keys.value, '$[1]');
