-- A trigger's state; NULL leaves `begins` as it was.
UPDATE ensue.triggers SET state = :state, own = :own, begins = coalesce(:begins, begins), reason = :reason
WHERE namespace = :namespace AND service = :service AND trigger = :trigger;
