-- Runs that failed or went too deep, newest first: all but a few have fired.
SELECT CAST(json_group_array(json_object(
    'id', id, 'position', position, 'time', time, 'service', service, 'trigger', trigger, 'task', task,
    'outcome', outcome, 'invocation', invocation, 'branch', branch, 'key', key, 'reason', reason,
    'author', author, 'root', root
)) AS BLOB)
FROM (
    SELECT runs.* FROM runs
    WHERE namespace = :namespace
        AND outcome <> 'fired'
        AND outcome = :outcome
        AND position BETWEEN :first AND :last
        AND (:invocation IS NULL OR invocation = :invocation)
        AND (:trigger IS NULL OR trigger = :trigger)
        AND (:task IS NULL OR task = :task)
        AND (:root IS NULL OR root = :root)
    ORDER BY position DESC LIMIT :limit
);
