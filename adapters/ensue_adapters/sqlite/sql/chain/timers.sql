-- Timers as one JSON text: (namespace, service or NULL for all).
SELECT CAST(json_group_array(json_object(
    'service', service, 'trigger', trigger, 'condition', condition, 'due', due, 'note', note
)) AS BLOB)
FROM (
    SELECT * FROM timers WHERE namespace = ?1 AND (?2 IS NULL OR service = ?2)
    ORDER BY service, trigger, condition
);
