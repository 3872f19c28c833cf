-- Runs of one trigger, newest first.
SELECT CAST(json_group_array(json_object(
    'id', id, 'position', position, 'time', time, 'service', service, 'trigger', trigger, 'task', task,
    'outcome', outcome, 'invocation', invocation, 'branch', branch, 'key', key, 'reason', reason,
    'author', author, 'root', root
)) AS BLOB)
FROM (
    SELECT runs.* FROM runs
    WHERE runs.namespace = :namespace
        AND runs.trigger = :trigger
        AND runs.place BETWEEN :first AND :last
        AND (:invocation IS NULL OR runs.invocation = :invocation)
        AND (:task IS NULL OR runs.task = :task)
        AND (:outcome IS NULL OR runs.outcome = :outcome)
        AND (:root IS NULL OR runs.root = :root)
    ORDER BY runs.place DESC LIMIT :limit
);
