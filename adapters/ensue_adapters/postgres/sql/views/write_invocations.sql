-- Invocations as they are now.
-- What no later fact changes is not written again: that spares its indexes.
INSERT INTO ensue.invocations (
    namespace, id, task, status, created, registered, run, trigger, emitter, attempts, due, started, ended,
    ended_at, error_type, error_message, cause, root
)
SELECT :namespace, each.* FROM unnest(
    :id::uuid[], :task::text[], :status::text[], :created::bigint[], :registered::bigint[], :run::uuid[],
    :trigger::text[], :emitter::uuid[], :attempts::integer[], :due::bigint[], :started::bigint[],
    :ended::bigint[], :ended_at::bigint[], :error_type::text[], :error_message::text[], :cause::text[],
    :root::text[]
) AS each
ON CONFLICT (namespace, id) DO UPDATE
SET
    status = excluded.status, attempts = excluded.attempts, due = excluded.due, started = excluded.started,
    ended = excluded.ended, ended_at = excluded.ended_at, error_type = excluded.error_type,
    error_message = excluded.error_message;
