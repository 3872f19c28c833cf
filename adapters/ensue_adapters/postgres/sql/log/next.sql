-- The first position past one: not the next where old ranges were detached.
SELECT position FROM ensue.log WHERE namespace = :namespace AND position > :after ORDER BY position LIMIT 1;
