-- All invocations, row by row.
SELECT
    id, task, status, created, registered, run, trigger, emitter, attempts, due, started, ended, ended_at,
    error_type, error_message, cause,
    CASE root WHEN '' THEN NULL ELSE coalesce(root, replace(id::text, '-', '')) END AS root
FROM ensue.invocations WHERE namespace = :namespace;
