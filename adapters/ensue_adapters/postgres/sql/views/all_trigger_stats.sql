-- All statistics, row by row.
SELECT
    service, trigger, fired, failed, matched, expired, dropped, last_fired
FROM ensue.trigger_stats WHERE namespace = :namespace;
