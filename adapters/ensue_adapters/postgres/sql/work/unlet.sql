-- Give leases of unstarted work back.
UPDATE ensue.work SET worker = '', lease_until = 0
WHERE namespace = :namespace AND invocation = ANY(:invocations::uuid[]) AND NOT started AND worker = :worker;
