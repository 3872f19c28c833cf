-- How many records a page would hold, and how many of them in so many bytes: (after, last place, limit, bytes).
SELECT count(*), count(*) FILTER (WHERE bytes <= ?4) FROM (
    SELECT sum(length(data)) OVER (ORDER BY place ROWS UNBOUNDED PRECEDING) AS bytes
    FROM (SELECT place, data FROM log WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3)
);
