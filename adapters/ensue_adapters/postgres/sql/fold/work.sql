-- The rows of some unfinished invocations.
SELECT invocation, task, attempt, due, created, started, failures, crashes, depth, root FROM ensue.work
WHERE namespace = :namespace AND invocation = ANY(:invocations::uuid[]);
