-- How many rows are parked, and why the last one is.
SELECT count(*), (SELECT reason FROM ensue.parked WHERE namespace = :namespace ORDER BY number DESC LIMIT 1)
FROM ensue.parked WHERE namespace = :namespace;
