-- All events, row by row: (namespace).
SELECT
    id, position, time, code, key, emitter, emitter_task, cause, root, matched, triggered
FROM events WHERE place BETWEEN ?1 << 40 AND (?1 << 40) | 1099511627775;
