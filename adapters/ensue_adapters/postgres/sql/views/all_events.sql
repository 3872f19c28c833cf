-- All events, row by row.
SELECT
    id, position, time, code, key, emitter, emitter_task, cause,
    CASE root WHEN '' THEN NULL ELSE coalesce(root, replace(id::text, '-', '')) END AS root, matched,
    triggered
FROM ensue.events WHERE namespace = :namespace;
