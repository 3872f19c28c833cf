-- Chains as one JSON text: (namespace, service or NULL for all).
SELECT CAST('[' || group_concat(
    '{"service":' || json_quote(service) || ',"step":' || json_quote(step) || ',"through":' || through
    || ',"clock":' || clock || ',"version":' || json_quote(version) || ',"tasks":' || tasks
    || ',"paused":' || CASE paused WHEN 1 THEN 'true' ELSE 'false' END || '}'
) || ']' AS BLOB)
FROM (SELECT * FROM chains WHERE namespace = ?1 AND (?2 IS NULL OR service = ?2) ORDER BY service);
