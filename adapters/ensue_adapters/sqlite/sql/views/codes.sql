-- The codes of a family, one step of the index each: (namespace, family, end of the family, limit).
WITH RECURSIVE codes (code) AS (
    SELECT min(code) FROM events WHERE namespace = ?1 AND code >= ?2 AND code < ?3
    UNION ALL
    SELECT (SELECT min(code) FROM events WHERE namespace = ?1 AND code > codes.code AND code < ?3)
    FROM codes WHERE codes.code IS NOT NULL
)
SELECT code FROM codes WHERE code IS NOT NULL LIMIT ?4;
