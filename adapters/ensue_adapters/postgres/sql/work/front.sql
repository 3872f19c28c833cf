-- The first unstarted work of some tasks, and of each whether it is due.
SELECT
    front.due <= greatest(
        :now::bigint, (SELECT time FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1)
    ),
    front.invocation, front.task, front.attempt, front.due, front.created, front.started, front.failures, front.crashes,
    front.depth, front.root
FROM unnest(:tasks::text[]) AS wanted (task)
CROSS JOIN LATERAL (
    SELECT
        work.invocation, work.task, work.attempt, work.due, work.created, work.started, work.failures, work.crashes,
        work.depth, work.root
    FROM ensue.work
    WHERE work.namespace = :namespace AND work.task = wanted.task AND NOT work.started
    ORDER BY work.due, work.created LIMIT :limit
) AS front
ORDER BY front.due, front.created LIMIT :limit;
