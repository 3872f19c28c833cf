-- The partitions of a topic, or of all: (namespace, topic or NULL for all).
SELECT topic, partition, through, events, repeats, parked, missed FROM topics
WHERE namespace = ?1 AND (?2 IS NULL OR topic = ?2) ORDER BY topic, partition;
