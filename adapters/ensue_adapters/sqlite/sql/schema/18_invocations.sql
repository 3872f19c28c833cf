-- Query view: invocations as they stand, at the place of the record that created them. All but a few end well:
-- the others have an index.
CREATE TABLE invocations (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    task TEXT NOT NULL,
    status TEXT NOT NULL,
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
    namespace INTEGER GENERATED ALWAYS AS (place >> 40) VIRTUAL,
    created INTEGER GENERATED ALWAYS AS (place & 1099511627775) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX invocations_id ON invocations (namespace, id);
CREATE INDEX invocations_task ON invocations (namespace, task);
CREATE INDEX invocations_emitter ON invocations (namespace, emitter) WHERE emitter IS NOT NULL;
CREATE INDEX invocations_root ON invocations (namespace, root) WHERE root <> id;
CREATE INDEX invocations_unwell ON invocations (namespace, status) WHERE status <> 'SUCCESS';
