-- Move a cursor from where the caller saw it.
UPDATE ensue.cursors SET position = :after
WHERE namespace = :namespace AND projection = :projection AND version = :version AND position = :before;
