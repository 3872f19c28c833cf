-- When the first unstarted work of some tasks is due.
SELECT min(front.due)
FROM unnest(:tasks::text[]) AS wanted (task)
CROSS JOIN LATERAL (
    SELECT due FROM ensue.work
    WHERE work.namespace = :namespace AND work.task = wanted.task AND NOT work.started
    ORDER BY due, created LIMIT 1
) AS front;
