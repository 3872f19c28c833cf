-- How far a projection has folded the log.
SELECT version, position FROM ensue.cursors WHERE namespace = :namespace AND projection = :projection;
