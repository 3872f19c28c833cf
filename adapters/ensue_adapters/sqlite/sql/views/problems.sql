-- Recent problems, newest first: (namespace, before or NULL, limit).
SELECT CAST(json_group_array(json_object(
    'position', position, 'time', time, 'kind', kind, 'trigger', trigger, 'reason', reason,
    'error', error
)) AS BLOB)
FROM (SELECT * FROM problems WHERE place > ?1 << 40 AND place < (?1 << 40) + coalesce(?2, 1 << 40) ORDER BY place DESC LIMIT ?3);
