-- Remove some rows of a generation that is not live.
DELETE FROM ensue.schedules WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ensue.schedules WHERE namespace = :namespace LIMIT :limit
));
