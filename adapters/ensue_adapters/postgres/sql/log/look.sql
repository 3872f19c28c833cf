-- The namespace's last position, and whether the intake holds something: what polling asks.
SELECT
    coalesce((SELECT position FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1), 0),
    EXISTS (SELECT FROM ensue.intake WHERE namespace = :namespace);
