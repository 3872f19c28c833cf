-- Schedules by key.
SELECT
    schedules.service, schedules.trigger, schedules.condition, schedules.expression, schedules.timezone,
    schedules.next, schedules.last, schedules.ticks, schedules.skipped
FROM unnest(:service::text[], :trigger::text[], :condition::text[]) AS wanted (service, trigger, condition)
JOIN ensue.schedules ON schedules.namespace = :namespace AND schedules.service = wanted.service AND schedules.trigger = wanted.trigger AND schedules.condition = wanted.condition;
