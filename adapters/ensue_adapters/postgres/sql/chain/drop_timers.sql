-- A trigger's cron conditions tick no more.
DELETE FROM ensue.timers WHERE namespace = :namespace AND service = :service AND trigger = :trigger;
