-- Query view: events and what came of them.
CREATE TABLE events (
    namespace INTEGER NOT NULL,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    time INTEGER NOT NULL,
    code TEXT NOT NULL,
    key TEXT,
    emitter TEXT,
    emitter_task TEXT,
    cause TEXT,
    root TEXT,
    matched INTEGER NOT NULL,
    triggered INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_position ON events (namespace, position);
CREATE INDEX events_code ON events (namespace, code, position);
CREATE INDEX events_emitter ON events (namespace, emitter, position) WHERE emitter IS NOT NULL;
CREATE INDEX events_root ON events (namespace, root, position) WHERE root <> id;
