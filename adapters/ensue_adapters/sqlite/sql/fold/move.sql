-- The namespace is folded so far: (namespace, version, lines, offsets, horizon, position).
INSERT INTO folds (namespace, version, lines, offsets, horizon, position) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (namespace) DO UPDATE
SET version = excluded.version, lines = excluded.lines, offsets = excluded.offsets, horizon = excluded.horizon,
    position = excluded.position;
