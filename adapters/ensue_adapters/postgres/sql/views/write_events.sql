-- Events as they are now.
-- What no later fact changes is not written again: that spares its indexes.
INSERT INTO ensue.events (
    namespace, id, position, time, code, key, emitter, emitter_task, cause, root, matched, triggered
)
SELECT :namespace, each.* FROM unnest(
    :id::uuid[], :position::bigint[], :time::bigint[], :code::text[], :key::text[], :emitter::uuid[],
    :emitter_task::text[], :cause::text[], :root::text[], :matched::integer[], :triggered::integer[]
) AS each
ON CONFLICT (namespace, id) DO UPDATE
SET
    matched = excluded.matched, triggered = excluded.triggered;
