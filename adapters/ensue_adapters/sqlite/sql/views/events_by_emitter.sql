-- Events that one invocation emitted, newest first.
SELECT CAST(json_group_array(json_object(
    'id', id, 'position', position, 'time', time, 'code', code, 'key', key, 'emitter', emitter,
    'emitter_task', emitter_task, 'cause', cause, 'root', root, 'matched', matched,
    'triggered', triggered
)) AS BLOB)
FROM (
    SELECT events.* FROM events
    WHERE namespace = :namespace
        AND emitter = :emitter
        AND position BETWEEN :first AND :last
        AND (:code IS NULL OR code = :code)
        AND (:family IS NULL OR (code >= :family AND code < :family_end))
        AND (:emitter_task IS NULL OR emitter_task = :emitter_task)
        AND (:root IS NULL OR root = :root)
        AND (:matched IS NULL OR (matched > 0) = :matched)
        AND (:triggered IS NULL OR (triggered > 0) = :triggered)
    ORDER BY position DESC LIMIT :limit
);
