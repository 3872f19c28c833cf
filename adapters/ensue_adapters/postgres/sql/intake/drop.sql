-- Rows that are in the log now, or parked.
DELETE FROM ensue.intake WHERE namespace = :namespace AND number = ANY(:numbers::bigint[]);
