-- An invocation's attempts in order: (namespace, invocation).
SELECT CAST(json_group_array(json_object(
    'invocation', invocation, 'attempt', attempt, 'started', started, 'worker', worker, 'ended', ended,
    'status', status, 'position', position, 'error_type', error_type
)) AS BLOB)
FROM (SELECT * FROM attempts WHERE namespace = ?1 AND invocation = ?2 ORDER BY attempt);
