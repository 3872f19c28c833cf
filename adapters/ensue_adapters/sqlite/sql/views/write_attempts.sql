-- Attempts as they are now, a row of placeholders each (rows.py repeats it).
INSERT INTO attempts (
    namespace, invocation, attempt, started, worker, ended, status, position, error_type
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, invocation, attempt) DO UPDATE
SET
    started = excluded.started, worker = excluded.worker, ended = excluded.ended,
    status = excluded.status, position = excluded.position, error_type = excluded.error_type;
