-- Invocations ended.
DELETE FROM ensue.work WHERE namespace = :namespace AND invocation = ANY(:invocations::uuid[]);
