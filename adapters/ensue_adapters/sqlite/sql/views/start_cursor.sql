-- Begin a projection anew: (namespace, projection, version).
INSERT INTO cursors (namespace, projection, version, position) VALUES (?1, ?2, ?3, 0)
ON CONFLICT (namespace, projection) DO UPDATE SET version = excluded.version, position = 0;
