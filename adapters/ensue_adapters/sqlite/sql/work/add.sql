-- Invocations created, a row of placeholders each (rows.py repeats it).
INSERT INTO work (
    namespace, invocation, task, attempt, due, created, started, failures, crashes, depth, root, worker, lease_until
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
