-- The namespace's last record, whether the intake holds something, and the time: what polling asks.
SELECT
    coalesce(last.position, 0),
    coalesce(last.time, 0),
    EXISTS (SELECT FROM ensue.intake WHERE namespace = :namespace),
    last.id,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
FROM (SELECT 1) AS always LEFT JOIN LATERAL (
    SELECT position, time, id FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1
) AS last ON true;
