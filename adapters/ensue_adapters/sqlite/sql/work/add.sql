-- Invocations created, a row of placeholders each (rows.py repeats it). What is the same for all is not bound.
INSERT INTO work (
    namespace, invocation, task, due, created, depth, root, attempt, started, failures, crashes, worker, lease_until
)
VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, 0, 0, '', 0);
