-- How many records a page of at most so many bytes may hold: (after, last place, limit, bytes).
SELECT count(*) FROM (
    SELECT sum(length(data)) OVER (ORDER BY place ROWS UNBOUNDED PRECEDING) AS bytes
    FROM (SELECT place, data FROM log WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3)
) WHERE bytes <= ?4;
