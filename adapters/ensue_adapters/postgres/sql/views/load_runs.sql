-- Runs by key.
SELECT
    runs.id, runs.position, runs.time, runs.service, runs.trigger, runs.task, runs.outcome, runs.invocation,
    runs.branch, runs.key, runs.reason, runs.author, runs.root
FROM unnest(:id::uuid[]) AS wanted (id)
JOIN ensue.runs ON runs.namespace = :namespace AND runs.id = wanted.id;
