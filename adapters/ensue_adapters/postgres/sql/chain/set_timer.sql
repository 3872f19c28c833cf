-- A condition's next slot.
INSERT INTO ensue.timers (namespace, service, trigger, condition, due, note)
VALUES (:namespace, :service, :trigger, :condition, :due, :note)
ON CONFLICT (namespace, service, trigger, condition) DO UPDATE SET due = excluded.due, note = excluded.note;
