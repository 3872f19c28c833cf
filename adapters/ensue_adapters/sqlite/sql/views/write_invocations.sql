-- Invocations as they are now, a row of placeholders each (rows.py repeats it).
-- What no later fact changes is not written again: that spares its indexes.
INSERT INTO invocations (
    place, id, task, status, registered, run, trigger, emitter, attempts, due, started, ended, ended_at,
    error_type, error_message, cause, root
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (place) DO UPDATE
SET
    status = excluded.status, attempts = excluded.attempts, due = excluded.due,
    started = excluded.started, ended = excluded.ended, ended_at = excluded.ended_at,
    error_type = excluded.error_type, error_message = excluded.error_message
-- A row that has moved is written whole.
ON CONFLICT (namespace, id) DO UPDATE
SET
    place = excluded.place, task = excluded.task, status = excluded.status,
    registered = excluded.registered, run = excluded.run, trigger = excluded.trigger,
    emitter = excluded.emitter, attempts = excluded.attempts, due = excluded.due,
    started = excluded.started, ended = excluded.ended, ended_at = excluded.ended_at,
    error_type = excluded.error_type, error_message = excluded.error_message, cause = excluded.cause,
    root = excluded.root;
