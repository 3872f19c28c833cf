-- The next attempt is open: (namespace, JSON of [[invocation, attempt, due, failures, crashes]]).
WITH next AS MATERIALIZED (
    SELECT
        json_extract(value, '$[0]') AS invocation,
        json_extract(value, '$[1]') AS attempt,
        json_extract(value, '$[2]') AS due,
        json_extract(value, '$[3]') AS failures,
        json_extract(value, '$[4]') AS crashes
    FROM json_each(?2)
)
UPDATE work
SET attempt = next.attempt, due = next.due, failures = next.failures, crashes = next.crashes,
    started = 0, worker = '', lease_until = 0
FROM next
WHERE work.namespace = ?1 AND work.invocation = next.invocation;
