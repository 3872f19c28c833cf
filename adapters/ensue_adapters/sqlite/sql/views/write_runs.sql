-- Runs as they are now, a row of placeholders each (rows.py repeats it).
-- What no later fact changes is not written again: that spares its indexes.
INSERT INTO runs (
    place, id, time, service, trigger, task, outcome, invocation, branch, key, reason, author, root
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (place) DO UPDATE
SET
    outcome = excluded.outcome, invocation = excluded.invocation, reason = excluded.reason
-- A row that has moved is written whole.
ON CONFLICT (namespace, id) DO UPDATE
SET
    place = excluded.place, time = excluded.time, service = excluded.service,
    trigger = excluded.trigger, task = excluded.task, outcome = excluded.outcome,
    invocation = excluded.invocation, branch = excluded.branch, key = excluded.key,
    reason = excluded.reason, author = excluded.author, root = excluded.root;
