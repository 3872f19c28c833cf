-- The horizon that held at a position: (namespace, position).
SELECT horizon FROM horizons WHERE namespace = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1;
