-- Remove some rows of a generation that is not live.
DELETE FROM ensue.trigger_stats WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ensue.trigger_stats WHERE namespace = :namespace LIMIT :limit
));
