-- Remove some rows of a generation that is not live.
DELETE FROM ensue.participants WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ensue.participants WHERE namespace = :namespace LIMIT :limit
));
