-- Problems as they are now, a row of placeholders each (rows.py repeats it).
INSERT INTO problems (
    place, time, kind, trigger, reason, error
)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (place) DO UPDATE
SET
    time = excluded.time, kind = excluded.kind, trigger = excluded.trigger, reason = excluded.reason,
    error = excluded.error;
