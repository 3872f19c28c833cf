-- Timers, of one service or of all.
SELECT service, trigger, condition, due, note FROM ensue.timers
WHERE namespace = :namespace AND (:service::text IS NULL OR service = :service)
ORDER BY service, trigger, condition;
