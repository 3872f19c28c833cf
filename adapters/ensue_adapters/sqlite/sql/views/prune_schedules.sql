-- Remove some rows of a generation that is not live: (number, how many).
DELETE FROM schedules WHERE (namespace, service, trigger, condition) IN (
    SELECT namespace, service, trigger, condition FROM schedules WHERE namespace = ?1 LIMIT ?2
);
