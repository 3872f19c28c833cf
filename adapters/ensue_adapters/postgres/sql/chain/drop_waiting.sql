-- Matches that wait no longer.
DELETE FROM ensue.waiting WHERE namespace = :namespace AND match = ANY(:matches::uuid[]);
