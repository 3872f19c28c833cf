-- Lock the oldest due, unstarted work of some tasks; what another claimer has locked is its own. More candidates
-- than wanted are looked at, so that several claimers do not meet.
WITH candidates AS MATERIALIZED (
    SELECT oldest.invocation
    FROM unnest(:tasks::text[]) AS wanted (task)
    CROSS JOIN LATERAL (
        SELECT invocation, due, created FROM ensue.work
        WHERE work.namespace = :namespace AND work.task = wanted.task AND NOT work.started
            AND work.due <= greatest(
                :now::bigint, (SELECT time FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1)
            )
        ORDER BY due, created LIMIT :looked_at
    ) AS oldest
    ORDER BY oldest.due, oldest.created LIMIT :looked_at
)
SELECT
    work.invocation, work.task, work.attempt, work.due, work.created, work.started, work.failures, work.crashes,
    work.depth, work.root
FROM candidates JOIN ensue.work ON work.namespace = :namespace AND work.invocation = candidates.invocation
WHERE NOT work.started
ORDER BY work.due, work.created LIMIT :limit
FOR UPDATE OF work SKIP LOCKED;
