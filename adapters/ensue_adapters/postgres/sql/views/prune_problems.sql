-- Remove some rows of a generation that is not live.
DELETE FROM ensue.problems WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ensue.problems WHERE namespace = :namespace LIMIT :limit
));
