-- Keep the number of unfinished invocations: (namespace, how many more).
INSERT INTO queued (namespace, invocations) VALUES (?1, ?2)
ON CONFLICT (namespace) DO UPDATE SET invocations = invocations + excluded.invocations;
