-- How far some partitions were taken; the log lock is held.
SELECT topic, partition, through FROM ensue.topics
WHERE namespace = :namespace AND topic = ANY(:topics::text[]);
