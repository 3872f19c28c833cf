-- Renew leases: (namespace, worker, lease until, JSON of [[invocation, attempt]]).
WITH held AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS invocation, json_extract(value, '$[1]') AS attempt FROM json_each(?4)
)
UPDATE work SET lease_until = ?3
FROM held
WHERE work.namespace = ?1 AND work.invocation = held.invocation AND work.attempt = held.attempt
    AND +work.started = 1 AND work.worker = ?2
RETURNING work.invocation, work.attempt;
