-- The horizon that held at a position.
SELECT horizon FROM ensue.horizons
WHERE namespace = :namespace AND position <= :position ORDER BY position DESC LIMIT 1;
