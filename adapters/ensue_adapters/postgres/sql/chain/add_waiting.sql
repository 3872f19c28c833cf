-- Matches that wait.
INSERT INTO ensue.waiting (
    namespace, match, service, trigger, condition, key, kind, source, position, index, occurred, deadline
)
SELECT :namespace, each.* FROM unnest(
    :match::uuid[], :service::text[], :trigger::text[], :condition::text[], :key::text[], :kind::text[],
    :source::uuid[], :position::bigint[], :index::integer[], :occurred::bigint[], :deadline::bigint[]
) AS each
ON CONFLICT (namespace, match) DO UPDATE
SET service = excluded.service, trigger = excluded.trigger, condition = excluded.condition, key = excluded.key,
    kind = excluded.kind, source = excluded.source, position = excluded.position, index = excluded.index,
    occurred = excluded.occurred, deadline = excluded.deadline;
