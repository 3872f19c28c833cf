-- Events by key.
SELECT
    events.id, events.position, events.time, events.code, events.key, events.emitter, events.emitter_task,
    events.cause,
    CASE events.root WHEN '' THEN NULL ELSE coalesce(events.root, replace(events.id::text, '-', '')) END AS root,
    events.matched, events.triggered
FROM unnest(:id::uuid[]) AS wanted (id)
JOIN ensue.events ON events.namespace = :namespace AND events.id = wanted.id;
