-- Forget what became of old envelopes.
DELETE FROM ensue.verdicts WHERE namespace = :namespace AND time < :before;
