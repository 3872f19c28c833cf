-- Matches that wait no longer: (namespace, JSON of match ids).
DELETE FROM waiting WHERE namespace = ?1 AND match IN (SELECT value FROM json_each(?2));
