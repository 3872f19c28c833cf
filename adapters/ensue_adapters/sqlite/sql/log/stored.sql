-- A page of the log as it is stored, row by row, for a thread of its own: (after, last place, limit).
SELECT place, id, time, data, cause, root, version, kind FROM log WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3;
