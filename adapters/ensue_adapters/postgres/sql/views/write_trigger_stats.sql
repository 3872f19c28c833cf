-- What triggers have done as they are now.
INSERT INTO ensue.trigger_stats (
    namespace, service, trigger, fired, failed, matched, expired, dropped, last_fired
)
SELECT :namespace, each.* FROM unnest(
    :service::text[], :trigger::text[], :fired::integer[], :failed::integer[], :matched::integer[],
    :expired::integer[], :dropped::integer[], :last_fired::bigint[]
) AS each
ON CONFLICT (namespace, service, trigger) DO UPDATE
SET
    fired = excluded.fired, failed = excluded.failed, matched = excluded.matched, expired = excluded.expired,
    dropped = excluded.dropped, last_fired = excluded.last_fired;
