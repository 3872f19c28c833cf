-- The position at which the last partition is half full: time to make the next one.
SELECT coalesce(max(first + (past - first) / 2), 0) FROM ensue.partitions;
