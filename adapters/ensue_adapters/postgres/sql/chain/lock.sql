-- Lock all chains before the log lock, for a rebuild.
SELECT FROM ensue.chains WHERE namespace = :namespace ORDER BY service FOR UPDATE;
