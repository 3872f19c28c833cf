-- A cron condition's next slot: (namespace, service, trigger, condition, due).
INSERT INTO timers (namespace, service, trigger, condition, due) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (namespace, service, trigger, condition) DO UPDATE SET due = excluded.due;
