-- The time of the record at a place.
SELECT time FROM log WHERE place = ?1;
