-- Remove some rows of a generation that is not live.
DELETE FROM ensue.attempts WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ensue.attempts WHERE namespace = :namespace LIMIT :limit
));
