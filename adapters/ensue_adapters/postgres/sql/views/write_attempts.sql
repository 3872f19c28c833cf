-- Attempts as they are now.
INSERT INTO ensue.attempts (
    namespace, invocation, attempt, started, worker, ended, status, position, error_type
)
SELECT :namespace, each.* FROM unnest(
    :invocation::uuid[], :attempt::integer[], :started::bigint[], :worker::text[], :ended::bigint[],
    :status::text[], :position::bigint[], :error_type::text[]
) AS each
ON CONFLICT (namespace, invocation, attempt) DO UPDATE
SET
    started = excluded.started, worker = excluded.worker, ended = excluded.ended, status = excluded.status,
    position = excluded.position, error_type = excluded.error_type;
