-- Query view: invocations as they stand. Those that ended well are all but a few: the others have an index.
CREATE TABLE invocations (
    namespace INTEGER NOT NULL,
    id TEXT NOT NULL,
    task TEXT NOT NULL,
    status TEXT NOT NULL,
    created INTEGER NOT NULL,
    registered INTEGER NOT NULL,
    run TEXT,
    trigger TEXT,
    emitter TEXT,
    attempts INTEGER NOT NULL,
    due INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    error_type TEXT,
    error_message TEXT,
    cause TEXT,
    root TEXT,
    PRIMARY KEY (namespace, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX invocations_created ON invocations (namespace, created);
CREATE INDEX invocations_task ON invocations (namespace, task, created);
CREATE INDEX invocations_trigger ON invocations (namespace, trigger, created) WHERE trigger IS NOT NULL;
CREATE INDEX invocations_emitter ON invocations (namespace, emitter, created) WHERE emitter IS NOT NULL;
CREATE INDEX invocations_root ON invocations (namespace, root, created) WHERE root <> id;
CREATE INDEX invocations_unwell ON invocations (namespace, status, created) WHERE status <> 'SUCCESS';
