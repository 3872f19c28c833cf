-- Events that one invocation emitted, newest first.
SELECT
    events.id, events.position, events.time, events.code, events.key, events.emitter, events.emitter_task,
    events.cause,
    CASE events.root WHEN '' THEN NULL ELSE coalesce(events.root, replace(events.id::text, '-', '')) END AS root,
    events.matched, events.triggered
FROM ensue.events
WHERE events.namespace = :namespace
    AND events.emitter = :emitter
    AND events.position BETWEEN :first AND :last
    AND (:code::text IS NULL OR events.code = :code)
    AND (:emitter_task::text IS NULL OR events.emitter_task = :emitter_task)
    AND (:root::text IS NULL OR events.root = :root OR (events.root IS NULL AND events.id = :root_id::uuid))
    AND (:family::text IS NULL OR (events.code >= :family AND events.code < :family_end::text))
    AND (:matched::boolean IS NULL OR (events.matched > 0) = :matched)
    AND (:triggered::boolean IS NULL OR (events.triggered > 0) = :triggered)
ORDER BY events.position DESC LIMIT :limit;
