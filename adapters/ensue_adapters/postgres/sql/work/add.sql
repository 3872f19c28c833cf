-- Invocations created.
INSERT INTO ensue.work (
    namespace, invocation, task, attempt, due, created, started, failures, crashes, depth, root, worker, lease_until
)
SELECT :namespace, each.* FROM unnest(
    :invocation::uuid[], :task::text[], :attempt::integer[], :due::bigint[], :created::bigint[], :started::boolean[],
    :failures::integer[], :crashes::integer[], :depth::integer[], :root::text[], :worker::text[],
    :lease_until::bigint[]
) AS each;
