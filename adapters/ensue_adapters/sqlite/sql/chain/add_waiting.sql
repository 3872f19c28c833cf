-- Matches that wait, a row of placeholders each (rows.py repeats it).
INSERT INTO waiting (namespace, match, service, trigger, condition, key, kind, source, position, "index", occurred, deadline)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, match) DO UPDATE
SET service = excluded.service, trigger = excluded.trigger, condition = excluded.condition, key = excluded.key,
    kind = excluded.kind, source = excluded.source, position = excluded.position, "index" = excluded."index",
    occurred = excluded.occurred, deadline = excluded.deadline;
