-- Forget what became of old envelopes: (namespace, time).
DELETE FROM verdicts WHERE namespace = ?1 AND time < ?2;
