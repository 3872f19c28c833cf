-- The namespace's last record, whether the intake holds something, and the time: what polling asks.
SELECT
    last.position, last.id, EXISTS (SELECT FROM ensue.intake WHERE namespace = :namespace),
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
FROM (SELECT) AS one LEFT JOIN LATERAL (
    SELECT position, id FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1
) AS last ON true;
