"""Other Python job systems on Postgres, doing the same work as ensue on the same server in the same run.

Each runs in an environment of its own, made on first use with the versions of `versions/`. A contestant is a
module here with `worker` and `Client` (see `contestant.py`); ensue is one of them, and measured the same way.
"""

PEERS = ("procrastinate", "pgqueuer", "dbos", "taskiq")
"""The others, each a module here and a file of versions."""

UNFINISHED = {
    "ensue": "SELECT count(*) FROM ensue.work",
    "procrastinate": "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
    "pgqueuer": "SELECT count(*) FROM pgqueuer",
    "dbos": "SELECT count(*) FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')",
    "taskiq": "SELECT count(*) FROM taskiq_messages",
}
"""What tells how many jobs have not ended in storage."""
