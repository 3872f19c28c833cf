-- A page of the log that is too short to be large.
SELECT position, id, time, data, cause, root, version FROM ensue.log
WHERE namespace = :namespace AND position > :after AND position <= :last ORDER BY position;
