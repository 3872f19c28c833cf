-- Whether some of the tasks have due work: costs a few steps of an index, and no lock.
SELECT EXISTS (
    SELECT FROM unnest(:tasks::text[]) AS wanted (task)
    CROSS JOIN LATERAL (
        SELECT due FROM ensue.work
        WHERE work.namespace = :namespace AND work.task = wanted.task AND NOT work.started
        ORDER BY due, created LIMIT 1
    ) AS front
    WHERE front.due <= greatest(
        :now::bigint, (SELECT time FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1)
    )
);
