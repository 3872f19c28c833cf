-- Each cron condition's schedule.
SELECT
    schedules.service, schedules.trigger, schedules.condition, schedules.expression, schedules.timezone,
    schedules.next, schedules.last, schedules.ticks, schedules.skipped
FROM ensue.schedules WHERE namespace = :namespace ORDER BY service, trigger, condition;
