-- Where records with some ids stand: remembered keys, and all that the attached partitions hold.
SELECT id, position FROM ensue.keys WHERE namespace = :namespace AND id = ANY(:ids::uuid[])
UNION
SELECT id, position FROM ensue.log WHERE namespace = :namespace AND id = ANY(:ids::uuid[]);
