-- Waiting matches as one JSON text, oldest first: (namespace, service or NULL for all).
SELECT CAST(json_group_array(json_object(
    'match', match, 'service', service, 'trigger', trigger, 'condition', condition, 'key', key, 'kind', kind,
    'source', source, 'position', position, 'index', "index", 'occurred', occurred, 'deadline', deadline
)) AS BLOB)
FROM (
    SELECT * FROM waiting WHERE namespace = ?1 AND (?2 IS NULL OR service = ?2)
    ORDER BY position, "index", match
);
