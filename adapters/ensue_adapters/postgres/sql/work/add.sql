-- Invocations created; where their first attempt began in the same Step, it is the worker's.
INSERT INTO ensue.work (
    namespace, invocation, task, attempt, due, created, started, failures, crashes, depth, root, worker, lease_until
)
SELECT
    :namespace, each.invocation, each.task, 1, each.due, each.created, each.begun, 0, 0, each.depth, each.root,
    CASE WHEN each.begun THEN :worker ELSE '' END, CASE WHEN each.begun THEN :until::bigint ELSE 0 END
FROM unnest(
    :invocation::uuid[], :task::text[], :due::bigint[], :created::bigint[], :depth::integer[], :root::text[],
    :begun::boolean[]
) AS each (invocation, task, due, created, depth, root, begun);
