-- The time of the record at a position.
SELECT time FROM ensue.log WHERE namespace = :namespace AND position = :position;
