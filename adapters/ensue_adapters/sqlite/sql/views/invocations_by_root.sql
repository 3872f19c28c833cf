-- Invocations of one tree of causes, newest first; its first one is its own root.
SELECT CAST(json_group_array(json_object(
    'id', id, 'task', task, 'status', status, 'created', created, 'registered', registered, 'run', run,
    'trigger', trigger, 'emitter', emitter, 'attempts', attempts, 'due', due, 'started', started,
    'ended', ended, 'ended_at', ended_at, 'error_type', error_type, 'error_message', error_message,
    'cause', cause, 'root', root
)) AS BLOB)
FROM (
    SELECT invocations.* FROM invocations
    WHERE namespace = :namespace
        AND id IN (
            SELECT :root
            UNION ALL SELECT id FROM invocations WHERE namespace = :namespace AND root = :root AND root <> id
        )
        AND root = :root
        AND +created BETWEEN :first AND :last
        AND (:task IS NULL OR task = :task)
        AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
        AND (:trigger IS NULL OR trigger = :trigger)
        AND (:emitter IS NULL OR emitter = :emitter)
    ORDER BY created DESC LIMIT :limit
);
