-- Remove some rows of a generation that is not live.
DELETE FROM ensue.runs WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ensue.runs WHERE namespace = :namespace LIMIT :limit
));
