-- How far the namespace is folded: (namespace).
SELECT version, lines, offsets, horizon, position FROM folds WHERE namespace = ?1;
