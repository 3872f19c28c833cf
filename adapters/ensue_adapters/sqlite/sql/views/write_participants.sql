-- Participants as they are now, a row of placeholders each (rows.py repeats it).
INSERT INTO participants (
    namespace, run, place, condition, kind, source, position, occurred
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, run, place) DO UPDATE
SET
    condition = excluded.condition, kind = excluded.kind, source = excluded.source,
    position = excluded.position, occurred = excluded.occurred;
