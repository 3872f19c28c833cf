-- Events as they are now, a row of placeholders each (rows.py repeats it).
-- What a record said once and for all is not written again: that spares its indexes.
INSERT INTO events (
    namespace, id, position, time, code, key, emitter, emitter_task, cause, root, matched, triggered
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, id) DO UPDATE
SET
    matched = excluded.matched, triggered = excluded.triggered;
