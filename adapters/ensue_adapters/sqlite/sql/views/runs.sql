-- Runs of any kind, newest first.
SELECT CAST(json_group_array(json_object(
    'id', id, 'position', position, 'time', time, 'service', service, 'trigger', trigger, 'task', task,
    'outcome', outcome, 'invocation', invocation, 'branch', branch, 'key', key, 'reason', reason,
    'author', author, 'root', root
)) AS BLOB)
FROM (
    SELECT runs.* FROM runs
    WHERE namespace = :namespace
        AND position BETWEEN :first AND :last
        AND (:invocation IS NULL OR invocation = :invocation)
        AND (:trigger IS NULL OR trigger = :trigger)
        AND (:task IS NULL OR task = :task)
        AND (:outcome IS NULL OR outcome = :outcome)
        AND (:root IS NULL OR root = :root)
    ORDER BY position DESC LIMIT :limit
);
