-- What each trigger has done.
SELECT
    trigger_stats.service, trigger_stats.trigger, trigger_stats.fired, trigger_stats.failed,
    trigger_stats.matched, trigger_stats.expired, trigger_stats.dropped, trigger_stats.last_fired
FROM ensue.trigger_stats WHERE namespace = :namespace ORDER BY service, trigger;
