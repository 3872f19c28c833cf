-- Where the record with an id stands: (namespace, id).
SELECT position FROM log WHERE namespace = ?1 AND id = ?2;
