-- A trigger's cron conditions tick no more: (namespace, service, trigger).
DELETE FROM timers WHERE namespace = ?1 AND service = ?2 AND trigger = ?3;
