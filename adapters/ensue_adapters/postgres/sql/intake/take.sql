-- The oldest rows of the intake; the caller has entered the log, so nobody else takes them.
SELECT number, id, data, cause, root, repeatable FROM ensue.intake
WHERE namespace = :namespace ORDER BY number LIMIT :limit;
