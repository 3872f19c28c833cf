-- Invocations by key.
SELECT
    invocations.id, invocations.task, invocations.status, invocations.created, invocations.registered,
    invocations.run, invocations.trigger, invocations.emitter, invocations.attempts, invocations.due,
    invocations.started, invocations.ended, invocations.ended_at, invocations.error_type,
    invocations.error_message, invocations.cause,
    CASE invocations.root WHEN '' THEN NULL ELSE coalesce(invocations.root, replace(invocations.id::text, '-', '')) END AS root
FROM unnest(:id::uuid[]) AS wanted (id)
JOIN ensue.invocations ON invocations.namespace = :namespace AND invocations.id = wanted.id;
