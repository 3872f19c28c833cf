-- Let a projection have a row, for one at a time to begin it.
INSERT INTO ensue.cursors (namespace, projection, version, position) VALUES (:namespace, :projection, -1, 0)
ON CONFLICT (namespace, projection) DO NOTHING;
