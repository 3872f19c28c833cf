-- Keep a horizon for where it held, if the last one that is kept is old enough.
INSERT INTO ensue.horizons (namespace, position, horizon)
SELECT :namespace::integer, :position::bigint, :horizon::bigint
WHERE coalesce((
    SELECT horizons.horizon FROM ensue.horizons
    WHERE horizons.namespace = :namespace ORDER BY horizons.position DESC LIMIT 1
), 0) + :step::bigint <= :horizon
ON CONFLICT (namespace, position) DO UPDATE SET horizon = excluded.horizon;
