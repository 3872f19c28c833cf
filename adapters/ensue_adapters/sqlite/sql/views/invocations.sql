-- Invocations of any kind, newest first.
SELECT CAST(json_group_array(json_object(
    'id', id, 'task', task, 'status', status, 'created', created, 'registered', registered, 'run', run,
    'trigger', trigger, 'emitter', emitter, 'attempts', attempts, 'due', due, 'started', started,
    'ended', ended, 'ended_at', ended_at, 'error_type', error_type, 'error_message', error_message,
    'cause', cause, 'root', root
)) AS BLOB)
FROM (
    SELECT invocations.* FROM invocations
    WHERE namespace = :namespace
        AND created BETWEEN :first AND :last
        AND (:task IS NULL OR task = :task)
        AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
        AND (:trigger IS NULL OR trigger = :trigger)
        AND (:emitter IS NULL OR emitter = :emitter)
        AND (:root IS NULL OR root = :root)
    ORDER BY created DESC LIMIT :limit
);
