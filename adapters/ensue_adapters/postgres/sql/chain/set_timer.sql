-- A cron condition's next slot.
INSERT INTO ensue.timers (namespace, service, trigger, condition, due)
VALUES (:namespace, :service, :trigger, :condition, :due)
ON CONFLICT (namespace, service, trigger, condition) DO UPDATE SET due = excluded.due;
