-- Invocations in one state other than SUCCESS, newest first: all but a few end well.
SELECT CAST(json_group_array(json_object(
    'id', id, 'task', task, 'status', status, 'created', created, 'registered', registered, 'run', run,
    'trigger', trigger, 'emitter', emitter, 'attempts', attempts, 'due', due, 'started', started,
    'ended', ended, 'ended_at', ended_at, 'error_type', error_type, 'error_message', error_message,
    'cause', cause, 'root', root
)) AS BLOB)
FROM (
    SELECT invocations.* FROM invocations
    WHERE invocations.namespace = :namespace
        AND invocations.status <> 'SUCCESS'
        AND invocations.status = :status
        AND invocations.place BETWEEN :first AND :last
        AND (:task IS NULL OR invocations.task = :task)
        AND (:trigger IS NULL OR invocations.trigger = :trigger)
        AND (:emitter IS NULL OR invocations.emitter = :emitter)
        AND (:root IS NULL OR invocations.root = :root)
    ORDER BY invocations.place DESC LIMIT :limit
);
