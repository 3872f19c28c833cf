-- Runs as they are now, a row of placeholders each (rows.py repeats it).
-- What a record said once and for all is not written again: that spares its indexes.
INSERT INTO runs (
    namespace, id, position, time, service, trigger, task, outcome, invocation, branch, key, reason,
    author, root
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, id) DO UPDATE
SET
    outcome = excluded.outcome, invocation = excluded.invocation, reason = excluded.reason;
