-- Runs of one tree of causes, newest first: those that fired are found with their invocations.
SELECT CAST(json_group_array(json_object(
    'id', id, 'position', position, 'time', time, 'service', service, 'trigger', trigger, 'task', task,
    'outcome', outcome, 'invocation', invocation, 'branch', branch, 'key', key, 'reason', reason,
    'author', author, 'root', root
)) AS BLOB)
FROM (
    SELECT runs.* FROM runs
    WHERE runs.place IN (
            SELECT place FROM invocations WHERE namespace = :namespace AND root = :root AND root <> id
            UNION ALL
            SELECT place FROM runs WHERE namespace = :namespace AND root = :root AND invocation IS NULL
        )
        AND (
            :source IS NULL
            OR runs.id IN (SELECT run FROM participants WHERE namespace = :namespace AND source = :source)
        )
        AND +runs.place BETWEEN :first AND :last
        AND (:invocation IS NULL OR runs.invocation = :invocation)
        AND (:trigger IS NULL OR runs.trigger = :trigger)
        AND (:task IS NULL OR runs.task = :task)
        AND (:outcome IS NULL OR runs.outcome = :outcome)
        AND (:root IS NULL OR runs.root = :root)
    ORDER BY runs.place DESC LIMIT :limit
);
