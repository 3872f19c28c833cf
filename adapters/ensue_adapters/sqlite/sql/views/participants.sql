-- A run's participants in order: (namespace, run).
SELECT CAST(json_group_array(json_object(
    'run', run, 'place', place, 'condition', condition, 'kind', kind, 'source', source,
    'position', position, 'occurred', occurred
)) AS BLOB)
FROM (SELECT * FROM participants WHERE namespace = ?1 AND run = ?2 ORDER BY place);
