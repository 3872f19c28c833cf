-- The records at some places, in the form of a page: (first place - 1, JSON of positions).
SELECT
    max(version),
    CAST('[' || group_concat(
        '[' || position || ',"' || lower(hex(id)) || '",' || time || ',' || CAST(data AS TEXT) || ','
        || json_quote(cause) || ',' || json_quote(coalesce(root, lower(hex(id)))) || ',' || version || ']'
    ) || ']' AS BLOB)
FROM log WHERE place IN (SELECT ?1 + value FROM json_each(?2));
