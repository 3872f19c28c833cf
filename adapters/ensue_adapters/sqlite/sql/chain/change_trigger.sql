-- A trigger's state; NULL leaves `begins` as it was: (namespace, service, trigger, state, own, begins, reason).
UPDATE triggers SET state = ?4, own = ?5, begins = coalesce(?6, begins), reason = ?7
WHERE namespace = ?1 AND service = ?2 AND trigger = ?3;
