-- Participants as they are now.
INSERT INTO ensue.participants (
    namespace, run, place, condition, kind, source, position, occurred
)
SELECT :namespace, each.* FROM unnest(
    :run::uuid[], :place::integer[], :condition::text[], :kind::text[], :source::uuid[], :position::bigint[],
    :occurred::bigint[]
) AS each
ON CONFLICT (namespace, run, place) DO UPDATE
SET
    condition = excluded.condition, kind = excluded.kind, source = excluded.source,
    position = excluded.position, occurred = excluded.occurred;
