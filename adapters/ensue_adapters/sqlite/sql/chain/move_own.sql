-- How far a lagging trigger has been asked: (namespace, service, trigger, own).
UPDATE triggers SET own = ?4 WHERE namespace = ?1 AND service = ?2 AND trigger = ?3;
