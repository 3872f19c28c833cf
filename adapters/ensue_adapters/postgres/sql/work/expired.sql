-- Started attempts whose lease has run out.
SELECT invocation, task, attempt, due, created, started, failures, crashes, depth, root FROM ensue.work
WHERE namespace = :namespace AND started AND lease_until <= :now ORDER BY lease_until LIMIT :limit;
