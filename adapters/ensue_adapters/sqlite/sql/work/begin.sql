-- Invocations created whose first attempt began in the same Step, a row of placeholders each (rows.py repeats it).
INSERT INTO work (
    namespace, invocation, task, due, created, depth, root, attempt, started, failures, crashes, worker, lease_until
)
VALUES (?, ?, ?, ?, ?, ?, ?, 1, 1, 0, 0, ?, ?);
