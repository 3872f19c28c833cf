-- The record at a position that was seen before, the last position, and the time: what a new connection asks.
SELECT
    (SELECT id FROM ensue.log WHERE namespace = :namespace AND position = :position),
    coalesce((SELECT position FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1), 0),
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
