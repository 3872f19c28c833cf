-- The namespace's last position and time, and whether the intake holds something: what polling asks.
SELECT
    coalesce(last.position, 0),
    coalesce(last.time, 0),
    EXISTS (SELECT FROM ensue.intake WHERE namespace = :namespace)
FROM (SELECT 1) AS always LEFT JOIN (
    SELECT position, time FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1
) AS last ON true;
