-- Invocations of one tree of causes, newest first; a direct submit may be its own root.
SELECT CAST(json_group_array(json_object(
    'id', id, 'task', task, 'status', status, 'created', created, 'registered', registered, 'run', run,
    'trigger', trigger, 'emitter', emitter, 'attempts', attempts, 'due', due, 'started', started,
    'ended', ended, 'ended_at', ended_at, 'error_type', error_type, 'error_message', error_message,
    'cause', cause, 'root', root
)) AS BLOB)
FROM (
    SELECT invocations.* FROM invocations
    WHERE invocations.place IN (
            SELECT place FROM invocations WHERE namespace = :namespace AND id = :root AND root = :root
            UNION ALL
            SELECT place FROM invocations WHERE namespace = :namespace AND root = :root AND root <> id
        )
        AND +invocations.place BETWEEN :first AND :last
        AND (:task IS NULL OR invocations.task = :task)
        AND (:trigger IS NULL OR invocations.trigger = :trigger)
        AND (:emitter IS NULL OR invocations.emitter = :emitter)
        AND (:statuses IS NULL OR invocations.status IN (SELECT value FROM json_each(:statuses)))
    ORDER BY invocations.place DESC LIMIT :limit
);
