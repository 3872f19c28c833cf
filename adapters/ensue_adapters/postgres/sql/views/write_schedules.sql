-- Schedules as they are now.
INSERT INTO ensue.schedules (
    namespace, service, trigger, condition, expression, timezone, next, last, ticks, skipped
)
SELECT :namespace, each.* FROM unnest(
    :service::text[], :trigger::text[], :condition::text[], :expression::text[], :timezone::text[],
    :next::bigint[], :last::bigint[], :ticks::integer[], :skipped::integer[]
) AS each
ON CONFLICT (namespace, service, trigger, condition) DO UPDATE
SET
    expression = excluded.expression, timezone = excluded.timezone, next = excluded.next, last = excluded.last,
    ticks = excluded.ticks, skipped = excluded.skipped;
