-- The first position that no partition holds.
SELECT coalesce(max(past), 1) FROM ensue.partitions;
