-- The row of an unfinished invocation.
SELECT invocation, task, attempt, due, created, started, failures, crashes, depth, root FROM ensue.work
WHERE namespace = :namespace AND invocation = :invocation;
