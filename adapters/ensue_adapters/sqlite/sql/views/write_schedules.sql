-- Schedules as they are now, a row of placeholders each (rows.py repeats it).
INSERT INTO schedules (
    namespace, service, trigger, condition, expression, timezone, next, last, ticks, skipped
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, service, trigger, condition) DO UPDATE
SET
    expression = excluded.expression, timezone = excluded.timezone, next = excluded.next,
    last = excluded.last, ticks = excluded.ticks, skipped = excluded.skipped;
