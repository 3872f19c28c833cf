-- The codes of a family, one step of the index each.
WITH RECURSIVE codes (code) AS (
    (
        SELECT code FROM ensue.events
        WHERE namespace = :namespace AND code >= :family AND code < :family_end ORDER BY code LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT events.code FROM ensue.events
        WHERE namespace = :namespace AND events.code > codes.code AND events.code < :family_end ORDER BY code LIMIT 1
    )
    FROM codes WHERE codes.code IS NOT NULL
)
SELECT code FROM codes WHERE code IS NOT NULL LIMIT :limit;
