-- Decision view: unfinished invocations. `worker` and `lease_until` are soft state, in no record.
-- work_open serves claims (what no worker has begun), work_held the reaper (what one has).
CREATE TABLE work (
    namespace INTEGER NOT NULL,
    invocation TEXT NOT NULL,
    task TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    due INTEGER NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    root TEXT,
    worker TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    PRIMARY KEY (namespace, invocation)
) STRICT, WITHOUT ROWID;
CREATE INDEX work_open ON work (namespace, task, due, created) WHERE started = 0;
CREATE INDEX work_held ON work (namespace, lease_until) WHERE started = 1;
