-- A condition's next slot: (namespace, service, trigger, condition, due, note).
INSERT INTO timers (namespace, service, trigger, condition, due, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (namespace, service, trigger, condition) DO UPDATE SET due = excluded.due, note = excluded.note;
