-- The namespace's last record, and whether the intake holds something: what polling asks.
SELECT last.position, last.id, EXISTS (SELECT FROM ensue.intake WHERE namespace = :namespace)
FROM (SELECT) AS one LEFT JOIN LATERAL (
    SELECT position, id FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1
) AS last ON true;
