-- Started attempts whose lease has not run out, of some.
SELECT invocation FROM ensue.work
WHERE namespace = :namespace AND invocation = ANY(:invocations::uuid[]) AND started AND lease_until > :now;
