-- How far a projection has folded the log: (namespace, projection).
SELECT version, position FROM cursors WHERE namespace = ?1 AND projection = ?2;
