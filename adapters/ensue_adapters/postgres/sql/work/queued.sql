-- How many invocations are unfinished.
SELECT count(*) FROM ensue.work WHERE namespace = :namespace;
