-- Invocations that one invocation submitted, newest first.
SELECT
    invocations.id, invocations.task, invocations.status, invocations.created, invocations.registered,
    invocations.run, invocations.trigger, invocations.emitter, invocations.attempts, invocations.due,
    invocations.started, invocations.ended, invocations.ended_at, invocations.error_type,
    invocations.error_message, invocations.cause,
    CASE invocations.root WHEN '' THEN NULL ELSE coalesce(invocations.root, replace(invocations.id::text, '-', '')) END AS root
FROM ensue.invocations
WHERE invocations.namespace = :namespace
    AND invocations.emitter = :emitter
    AND invocations.created BETWEEN :first AND :last
    AND (:task::text IS NULL OR invocations.task = :task)
    AND (:trigger::text IS NULL OR invocations.trigger = :trigger)
    AND (:root::text IS NULL OR invocations.root = :root OR (invocations.root IS NULL AND invocations.id = :root_id::uuid))
    AND (:statuses::text[] IS NULL OR invocations.status = ANY(:statuses))
ORDER BY invocations.created DESC LIMIT :limit;
