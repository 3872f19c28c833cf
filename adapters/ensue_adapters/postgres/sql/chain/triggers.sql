-- Triggers, of one service or of all.
SELECT service, trigger, version, spec, state, begins, own, reason FROM ensue.triggers
WHERE namespace = :namespace AND (:service::text IS NULL OR service = :service) ORDER BY service, trigger;
