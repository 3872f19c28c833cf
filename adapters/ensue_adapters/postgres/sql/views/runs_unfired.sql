-- Runs that failed or went too deep, newest first.
SELECT
    runs.id, runs.position, runs.time, runs.service, runs.trigger, runs.task, runs.outcome, runs.invocation,
    runs.branch, runs.key, runs.reason, runs.author, runs.root
FROM ensue.runs
WHERE runs.namespace = :namespace
    AND runs.outcome <> 'fired'
    AND runs.outcome = :outcome
    AND runs.position BETWEEN :first AND :last
    AND (:invocation::uuid IS NULL OR runs.invocation = :invocation)
    AND (:trigger::text IS NULL OR runs.trigger = :trigger)
    AND (:task::text IS NULL OR runs.task = :task)
    AND (:root::text IS NULL OR runs.root = :root)
    AND (:source::uuid IS NULL OR runs.id IN (SELECT run FROM ensue.participants WHERE namespace = :namespace AND source = :source))
ORDER BY runs.position DESC LIMIT :limit;
