-- Runs of any kind, newest first.
SELECT
    runs.id, runs.position, runs.time, runs.service, runs.trigger, runs.task, runs.outcome, runs.invocation,
    runs.branch, runs.key, runs.reason, runs.author, runs.root
FROM ensue.runs
WHERE runs.namespace = :namespace
    AND runs.position BETWEEN :first AND :last
    AND (:invocation::uuid IS NULL OR runs.invocation = :invocation)
    AND (:trigger::text IS NULL OR runs.trigger = :trigger)
    AND (:task::text IS NULL OR runs.task = :task)
    AND (:outcome::text IS NULL OR runs.outcome = :outcome)
    AND (:root::text IS NULL OR runs.root = :root)
ORDER BY runs.position DESC LIMIT :limit;
