-- Events as they are now, a row of placeholders each (rows.py repeats it).
-- What no later fact changes is not written again: that spares its indexes.
INSERT INTO events (
    place, id, time, code, key, emitter, emitter_task, cause, root, matched, triggered
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (place) DO UPDATE
SET
    matched = excluded.matched, triggered = excluded.triggered
-- A row that has moved is written whole.
ON CONFLICT (namespace, id) DO UPDATE
SET
    place = excluded.place, time = excluded.time, code = excluded.code, key = excluded.key,
    emitter = excluded.emitter, emitter_task = excluded.emitter_task, cause = excluded.cause,
    root = excluded.root, matched = excluded.matched, triggered = excluded.triggered;
