-- Where records with some ids stand: (namespace, the ids' bytes, how many).
WITH RECURSIVE wanted (place) AS (
    SELECT 0 UNION ALL SELECT place + 1 FROM wanted WHERE place + 1 < ?3
)
SELECT wanted.place, log.position
FROM wanted CROSS JOIN log ON log.namespace = ?1 AND log.id = substr(?2, 1 + wanted.place * 16, 16);
