-- A page of the log: so many positions, fewer where they hold more bytes than `bytes`, but at least one.
SELECT position, id, time, data, cause, root, version FROM (
    SELECT
        position, id, time, data, cause, root, version,
        sum(octet_length(data)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS sum
    FROM ensue.log
    WHERE namespace = :namespace AND position > :after AND position <= :last
) AS summed
WHERE sum <= :bytes::bigint OR position = :after + 1
ORDER BY position;
