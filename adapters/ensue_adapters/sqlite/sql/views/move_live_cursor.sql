-- Move the live views' cursor from where the caller saw it, unless they are held still:
-- (namespace, projection, version, from, to, log's namespace, name of the lease, now).
UPDATE cursors SET position = ?5 WHERE namespace = ?1 AND projection = ?2 AND version = ?3 AND position = ?4
    AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.namespace = ?6 AND name = ?7 AND until > ?8);
