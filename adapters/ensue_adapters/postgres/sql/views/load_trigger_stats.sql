-- What triggers have done by key.
SELECT
    trigger_stats.service, trigger_stats.trigger, trigger_stats.fired, trigger_stats.failed,
    trigger_stats.matched, trigger_stats.expired, trigger_stats.dropped, trigger_stats.last_fired
FROM unnest(:service::text[], :trigger::text[]) AS wanted (service, trigger)
JOIN ensue.trigger_stats ON trigger_stats.namespace = :namespace AND trigger_stats.service = wanted.service AND trigger_stats.trigger = wanted.trigger;
