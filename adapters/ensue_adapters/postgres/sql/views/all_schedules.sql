-- All schedules, row by row.
SELECT
    service, trigger, condition, expression, timezone, next, last, ticks, skipped
FROM ensue.schedules WHERE namespace = :namespace;
