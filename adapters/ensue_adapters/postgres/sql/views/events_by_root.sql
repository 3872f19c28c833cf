-- Events of one tree of causes, newest first.
SELECT
    events.id, events.position, events.time, events.code, events.key, events.emitter, events.emitter_task,
    events.cause,
    CASE events.root WHEN '' THEN NULL ELSE coalesce(events.root, replace(events.id::text, '-', '')) END AS root,
    events.matched, events.triggered
FROM ensue.events
WHERE events.namespace = :namespace
    AND events.id IN (
        SELECT id FROM ensue.events WHERE namespace = :namespace AND root = :root
        UNION ALL
        SELECT id FROM ensue.events WHERE namespace = :namespace AND id = :root_id::uuid AND root IS NULL
    )
    AND events.position BETWEEN :first AND :last
    AND (:code::text IS NULL OR events.code = :code)
    AND (:emitter::uuid IS NULL OR events.emitter = :emitter)
    AND (:emitter_task::text IS NULL OR events.emitter_task = :emitter_task)
    AND (:family::text IS NULL OR (events.code >= :family AND events.code < :family_end::text))
    AND (:matched::boolean IS NULL OR (events.matched > 0) = :matched)
    AND (:triggered::boolean IS NULL OR (events.triggered > 0) = :triggered)
ORDER BY events.position DESC LIMIT :limit;
