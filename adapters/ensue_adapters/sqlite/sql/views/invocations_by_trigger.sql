-- Invocations that one trigger fired, newest first: each stands at the place of its run.
SELECT CAST(json_group_array(json_object(
    'id', id, 'task', task, 'status', status, 'created', created, 'registered', registered, 'run', run,
    'trigger', trigger, 'emitter', emitter, 'attempts', attempts, 'due', due, 'started', started,
    'ended', ended, 'ended_at', ended_at, 'error_type', error_type, 'error_message', error_message,
    'cause', cause, 'root', root
)) AS BLOB)
FROM (
    SELECT invocations.* FROM runs CROSS JOIN invocations ON invocations.place = runs.place AND invocations.trigger = :trigger
    WHERE runs.namespace = :namespace
        AND runs.trigger = :trigger
        AND runs.place BETWEEN :first AND :last
        AND (:task IS NULL OR invocations.task = :task)
        AND (:emitter IS NULL OR invocations.emitter = :emitter)
        AND (:root IS NULL OR invocations.root = :root)
        AND (:statuses IS NULL OR invocations.status IN (SELECT value FROM json_each(:statuses)))
    ORDER BY runs.place DESC LIMIT :limit
);
