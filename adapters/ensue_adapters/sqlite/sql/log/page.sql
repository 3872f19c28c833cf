-- A page of the log as one JSON text, and its highest format version: (after, last place, limit).
SELECT
    max(version),
    CAST('[' || group_concat(
        '[' || position || ',"' || lower(hex(id)) || '",' || time || ',' || CAST(data AS TEXT) || ','
        || json_quote(cause) || ',' || json_quote(coalesce(root, lower(hex(id)))) || ',' || version || ']'
    ) || ']' AS BLOB)
FROM (SELECT * FROM log WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3);
