-- All statistics, row by row: (namespace).
SELECT
    service, trigger, fired, failed, matched, expired, dropped, last_fired
FROM trigger_stats WHERE namespace = ?1;
