-- Each task that has unstarted work, and when the first of it is due: (namespace).
WITH RECURSIVE front (task) AS (
    SELECT min(task) FROM work WHERE namespace = ?1 AND started = 0
    UNION ALL
    SELECT (SELECT min(task) FROM work WHERE namespace = ?1 AND started = 0 AND work.task > front.task)
    FROM front WHERE front.task IS NOT NULL
)
SELECT task, (SELECT min(due) FROM work WHERE namespace = ?1 AND started = 0 AND work.task = front.task)
FROM front WHERE task IS NOT NULL;
