-- Move a cursor from where the caller saw it: (namespace, projection, version, from, to).
UPDATE cursors SET position = ?5 WHERE namespace = ?1 AND projection = ?2 AND version = ?3 AND position = ?4;
