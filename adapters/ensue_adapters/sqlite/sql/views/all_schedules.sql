-- All schedules, row by row: (namespace).
SELECT
    service, trigger, condition, expression, timezone, next, last, ticks, skipped
FROM schedules WHERE namespace = ?1;
