-- What triggers have done as they are now, a row of placeholders each (rows.py repeats it).
INSERT INTO trigger_stats (
    namespace, service, trigger, fired, failed, matched, expired, dropped, last_fired
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, service, trigger) DO UPDATE
SET
    fired = excluded.fired, failed = excluded.failed, matched = excluded.matched,
    expired = excluded.expired, dropped = excluded.dropped, last_fired = excluded.last_fired;
