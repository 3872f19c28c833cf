-- The run that fired one invocation: both stand at one place.
SELECT CAST(json_group_array(json_object(
    'id', id, 'position', position, 'time', time, 'service', service, 'trigger', trigger, 'task', task,
    'outcome', outcome, 'invocation', invocation, 'branch', branch, 'key', key, 'reason', reason,
    'author', author, 'root', root
)) AS BLOB)
FROM (
    SELECT runs.* FROM runs
    WHERE runs.place = (SELECT place FROM invocations WHERE namespace = :namespace AND id = :invocation)
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
