-- Invocations as they are now, a row of placeholders each (rows.py repeats it).
-- What a record said once and for all is not written again: that spares its indexes.
INSERT INTO invocations (
    namespace, id, task, status, created, registered, run, trigger, emitter, attempts, due, started,
    ended, ended_at, error_type, error_message, cause, root
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, id) DO UPDATE
SET
    status = excluded.status, attempts = excluded.attempts, due = excluded.due,
    started = excluded.started, ended = excluded.ended, ended_at = excluded.ended_at,
    error_type = excluded.error_type, error_message = excluded.error_message;
