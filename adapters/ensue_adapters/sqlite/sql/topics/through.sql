-- How far a partition was taken: (namespace, topic, partition).
SELECT through FROM topics WHERE namespace = ?1 AND topic = ?2 AND partition = ?3;
