-- What each trigger has done: (namespace).
SELECT CAST(json_group_array(json_object(
    'service', service, 'trigger', trigger, 'fired', fired, 'failed', failed, 'matched', matched,
    'expired', expired, 'dropped', dropped, 'last_fired', last_fired
)) AS BLOB)
FROM (SELECT * FROM trigger_stats WHERE namespace = ?1 ORDER BY service, trigger);
