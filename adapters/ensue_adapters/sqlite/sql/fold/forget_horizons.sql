-- Forget all horizons but the last ones: (namespace, how many).
DELETE FROM horizons WHERE namespace = ?1 AND position < (
    SELECT position FROM horizons WHERE namespace = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2
);
