-- Remove some rows of a generation that is not live.
DELETE FROM ensue.invocations WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ensue.invocations WHERE namespace = :namespace LIMIT :limit
));
