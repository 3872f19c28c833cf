-- Remove some rows of a generation that is not live: (number, how many).
DELETE FROM trigger_stats WHERE (namespace, service, trigger) IN (
    SELECT namespace, service, trigger FROM trigger_stats WHERE namespace = ?1 LIMIT ?2
);
