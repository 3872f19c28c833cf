-- Lease the oldest due work of some tasks that is unstarted and unleased. More candidates than wanted are looked at, so
-- that several who meet find other rows.
WITH candidates AS MATERIALIZED (
    SELECT oldest.invocation
    FROM unnest(:tasks::text[]) AS wanted (task)
    CROSS JOIN LATERAL (
        SELECT invocation, due, created FROM ensue.work
        WHERE work.namespace = :namespace AND work.task = wanted.task AND NOT work.started
            AND work.lease_until <= :now::bigint AND work.due <= greatest(
                :now::bigint, (SELECT time FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1)
            )
        ORDER BY due, created LIMIT :looked_at
    ) AS oldest
    ORDER BY oldest.due, oldest.created LIMIT :looked_at
), free AS MATERIALIZED (
    SELECT work.invocation
    FROM candidates JOIN ensue.work ON work.namespace = :namespace AND work.invocation = candidates.invocation
    WHERE NOT work.started AND work.lease_until <= :now
    ORDER BY work.due, work.created LIMIT :limit
    FOR UPDATE OF work SKIP LOCKED
)
UPDATE ensue.work SET worker = :worker, lease_until = :until FROM free
WHERE work.namespace = :namespace AND work.invocation = free.invocation
RETURNING
    work.invocation, work.task, work.attempt, work.due, work.created, work.started, work.failures, work.crashes,
    work.depth, work.root;
