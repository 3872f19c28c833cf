-- All invocations, row by row: (namespace).
SELECT
    id, task, status, created, registered, run, trigger, emitter, attempts, due, started, ended, ended_at,
    error_type, error_message, cause, root
FROM invocations WHERE place BETWEEN ?1 << 40 AND (?1 << 40) | 1099511627775;
