-- What became of some envelopes.
SELECT envelope, verdicts FROM ensue.verdicts
WHERE namespace = :namespace AND envelope = ANY(:envelopes::uuid[]);
