-- The records at some positions.
SELECT position, id, time, data, cause, root, version FROM ensue.log
WHERE namespace = :namespace AND position = ANY(:positions::bigint[]);
