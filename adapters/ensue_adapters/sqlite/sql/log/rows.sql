-- A page of the log row by row, for naming the one that cannot be read: (after, last place, limit).
SELECT position, lower(hex(id)), time, kind, version, data, cause, coalesce(root, lower(hex(id)))
FROM log WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3;
