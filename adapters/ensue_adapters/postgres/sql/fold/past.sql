-- The times of the records at some positions.
SELECT position, time FROM ensue.log WHERE namespace = :namespace AND position = ANY(:positions::bigint[]);
