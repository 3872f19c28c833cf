-- Invocations of one task, newest first.
SELECT CAST(json_group_array(json_object(
    'id', id, 'task', task, 'status', status, 'created', created, 'registered', registered, 'run', run,
    'trigger', trigger, 'emitter', emitter, 'attempts', attempts, 'due', due, 'started', started,
    'ended', ended, 'ended_at', ended_at, 'error_type', error_type, 'error_message', error_message,
    'cause', cause, 'root', root
)) AS BLOB)
FROM (
    SELECT invocations.* FROM invocations
    WHERE invocations.namespace = :namespace
        AND invocations.task = :task
        AND invocations.place BETWEEN :first AND :last
        AND (:trigger IS NULL OR invocations.trigger = :trigger)
        AND (:emitter IS NULL OR invocations.emitter = :emitter)
        AND (:root IS NULL OR invocations.root = :root)
        AND (:statuses IS NULL OR invocations.status IN (SELECT value FROM json_each(:statuses)))
    ORDER BY invocations.place DESC LIMIT :limit
);
