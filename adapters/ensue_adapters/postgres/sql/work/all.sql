-- All work, for comparing a rebuild.
SELECT invocation, task, attempt, due, created, started, failures, crashes, depth, root FROM ensue.work
WHERE namespace = :namespace ORDER BY invocation;
