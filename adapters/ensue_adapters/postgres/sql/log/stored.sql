-- A page of the log as it is stored, over gaps too: so many records, fewer where they hold more bytes than `bytes`,
-- but at least one.
SELECT position, id, time, data, cause, root, version FROM (
    SELECT
        position, id, time, data, cause, root, version,
        sum(octet_length(data)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - octet_length(data) AS before
    FROM (
        SELECT * FROM ensue.log WHERE namespace = :namespace AND position > :after ORDER BY position LIMIT :limit
    ) AS page
) AS summed
WHERE before < :bytes::bigint
ORDER BY position;
