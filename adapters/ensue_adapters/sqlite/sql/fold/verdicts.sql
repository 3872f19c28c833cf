-- What became of some envelopes: (namespace, JSON of their ids).
SELECT envelope, verdicts FROM verdicts WHERE namespace = ?1 AND envelope IN (SELECT value FROM json_each(?2));
