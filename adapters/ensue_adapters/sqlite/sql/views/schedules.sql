-- Each cron condition's schedule: (namespace).
SELECT CAST(json_group_array(json_object(
    'service', service, 'trigger', trigger, 'condition', condition, 'expression', expression,
    'timezone', timezone, 'next', next, 'last', last, 'ticks', ticks, 'skipped', skipped
)) AS BLOB)
FROM (SELECT * FROM schedules WHERE namespace = ?1 ORDER BY service, trigger, condition);
