-- Runs as they are now.
-- What no later fact changes is not written again: that spares its indexes.
INSERT INTO ensue.runs (
    namespace, id, position, time, service, trigger, task, outcome, invocation, branch, key, reason, author,
    root
)
SELECT :namespace, each.* FROM unnest(
    :id::uuid[], :position::bigint[], :time::bigint[], :service::text[], :trigger::text[], :task::text[],
    :outcome::text[], :invocation::uuid[], :branch::integer[], :key::text[], :reason::text[], :author::text[],
    :root::text[]
) AS each
ON CONFLICT (namespace, id) DO UPDATE
SET
    position = excluded.position, time = excluded.time, author = excluded.author,
    outcome = excluded.outcome, invocation = excluded.invocation, reason = excluded.reason;
