-- Begin a projection anew.
UPDATE ensue.cursors SET version = :version, position = 0 WHERE namespace = :namespace AND projection = :projection;
