-- How far the namespace is folded.
SELECT version, lines, offsets, horizon, position FROM ensue.folds WHERE namespace = :namespace;
