-- All runs, row by row.
SELECT
    id, position, time, service, trigger, task, outcome, invocation, branch, key, reason, author, root
FROM ensue.runs WHERE namespace = :namespace;
