-- Recent problems, newest first: (namespace, before or NULL, limit).
SELECT CAST(json_group_array(json_object(
    'position', position, 'time', time, 'kind', kind, 'trigger', trigger, 'reason', reason,
    'error', error
)) AS BLOB)
FROM (SELECT * FROM problems WHERE namespace = ?1 AND position < coalesce(?2, 1 << 40) ORDER BY position DESC LIMIT ?3);
