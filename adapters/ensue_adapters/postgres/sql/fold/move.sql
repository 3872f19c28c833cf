-- The namespace is folded so far.
INSERT INTO ensue.folds (namespace, version, lines, offsets, horizon, position)
VALUES (:namespace, :version, :lines, :offsets, :horizon, :position)
ON CONFLICT (namespace) DO UPDATE
SET version = excluded.version, lines = excluded.lines, offsets = excluded.offsets, horizon = excluded.horizon,
    position = excluded.position;
