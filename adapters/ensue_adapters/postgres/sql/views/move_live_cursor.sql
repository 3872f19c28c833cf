-- Move the live views' cursor from where the caller saw it, unless they are held still.
UPDATE ensue.cursors SET position = :after
WHERE namespace = :namespace AND projection = :projection AND version = :version AND position = :before
    AND NOT EXISTS (SELECT FROM ensue.leases WHERE leases.namespace = :log AND name = :still AND until > :now);
