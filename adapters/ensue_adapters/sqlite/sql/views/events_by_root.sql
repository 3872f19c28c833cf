-- Events of one tree of causes, newest first; the first one is its own root.
SELECT CAST(json_group_array(json_object(
    'id', id, 'position', position, 'time', time, 'code', code, 'key', key, 'emitter', emitter,
    'emitter_task', emitter_task, 'cause', cause, 'root', root, 'matched', matched,
    'triggered', triggered
)) AS BLOB)
FROM (
    SELECT events.* FROM events
    WHERE events.place IN (
            SELECT place FROM events WHERE namespace = :namespace AND id = :root AND root = :root
            UNION ALL
            SELECT place FROM events WHERE namespace = :namespace AND root = :root AND root <> id
        )
        AND +events.place BETWEEN :first AND :last
        AND (:code IS NULL OR events.code = :code)
        AND (:emitter IS NULL OR events.emitter = :emitter)
        AND (:emitter_task IS NULL OR events.emitter_task = :emitter_task)
        AND (:family IS NULL OR (events.code >= :family AND events.code < :family_end))
        AND (:matched IS NULL OR (events.matched > 0) = :matched)
        AND (:triggered IS NULL OR (events.triggered > 0) = :triggered)
    ORDER BY events.place DESC LIMIT :limit
);
