-- The namespace's last record, whether the intake holds something, and the time; and, where few have come past a
-- position, the records themselves: what is asked when somebody else has committed.
SELECT
    coalesce(last.position, 0),
    coalesce(last.time, 0),
    EXISTS (SELECT FROM ensue.intake WHERE namespace = :namespace),
    last.id,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    new.position, new.id, new.time, new.data, new.cause, new.root, new.version
FROM (SELECT 1) AS always
LEFT JOIN LATERAL (
    SELECT position, time, id FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT position, id, time, data, cause, root, version FROM ensue.log
    WHERE namespace = :namespace AND position > :after AND position <= last.position
        AND last.position <= :after + :few::bigint
) AS new ON true
ORDER BY new.position;
