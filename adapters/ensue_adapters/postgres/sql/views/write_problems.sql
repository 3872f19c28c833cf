-- Problems as they are now.
INSERT INTO ensue.problems (
    namespace, position, time, kind, trigger, reason, error
)
SELECT :namespace, each.* FROM unnest(
    :position::bigint[], :time::bigint[], :kind::text[], :trigger::text[], :reason::text[], :error::text[]
) AS each
ON CONFLICT (namespace, position) DO UPDATE
SET
    time = excluded.time, kind = excluded.kind, trigger = excluded.trigger, reason = excluded.reason,
    error = excluded.error;
