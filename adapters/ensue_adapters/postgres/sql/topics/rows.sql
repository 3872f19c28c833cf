-- The partitions of a topic, or of all.
SELECT topic, partition, through, events, repeats, parked, missed FROM ensue.topics
WHERE namespace = :namespace AND (:topic::text IS NULL OR topic = :topic) ORDER BY topic, partition;
