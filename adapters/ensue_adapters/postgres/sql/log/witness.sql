-- The record at a position that was seen before, and the last position.
SELECT
    (SELECT id FROM ensue.log WHERE namespace = :namespace AND position = :position),
    coalesce((SELECT position FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1), 0);
