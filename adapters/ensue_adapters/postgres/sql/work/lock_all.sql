-- Lock all work before the log lock, for a rebuild.
SELECT FROM ensue.work WHERE namespace = :namespace ORDER BY invocation FOR UPDATE;
