-- Remove some rows of a generation that is not live.
DELETE FROM ensue.events WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ensue.events WHERE namespace = :namespace LIMIT :limit
));
