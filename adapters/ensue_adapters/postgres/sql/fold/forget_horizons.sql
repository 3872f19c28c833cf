-- Forget all horizons but the last ones.
DELETE FROM ensue.horizons WHERE namespace = :namespace AND position < (
    SELECT horizons.position FROM ensue.horizons
    WHERE horizons.namespace = :namespace ORDER BY horizons.position DESC LIMIT 1 OFFSET :kept
);
