-- Keep a horizon for where it held, if the last one that is kept is old enough: (namespace, position, horizon, step).
INSERT INTO horizons (namespace, position, horizon)
SELECT ?1, ?2, ?3
WHERE coalesce((SELECT horizon FROM horizons WHERE namespace = ?1 ORDER BY position DESC LIMIT 1), 0) + ?4 <= ?3
ON CONFLICT (namespace, position) DO UPDATE SET horizon = excluded.horizon;
