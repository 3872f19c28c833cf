-- The oldest due, unstarted work of some tasks, as far as nobody holds it just now.
SELECT
    front.invocation, front.task, front.attempt, front.due, front.created, front.started, front.failures, front.crashes,
    front.depth, front.root
FROM unnest(:tasks::text[]) AS wanted (task)
CROSS JOIN LATERAL (
    SELECT
        work.invocation, work.task, work.attempt, work.due, work.created, work.started, work.failures, work.crashes,
        work.depth, work.root
    FROM ensue.work
    WHERE work.namespace = :namespace AND work.task = wanted.task AND NOT work.started
        AND work.due <= greatest(
            :now::bigint, (SELECT time FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1)
        )
    ORDER BY work.due, work.created LIMIT :limit
) AS front
ORDER BY front.due, front.created LIMIT :limit;
