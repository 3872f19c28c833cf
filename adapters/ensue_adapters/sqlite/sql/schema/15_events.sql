-- Query view: events and what came of them. `place` is as in the log: the place of the record that said it.
CREATE TABLE events (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,
    code TEXT NOT NULL,
    key TEXT,
    emitter TEXT,
    emitter_task TEXT,
    cause TEXT,
    root TEXT,
    matched INTEGER NOT NULL,
    triggered INTEGER NOT NULL,
    namespace INTEGER GENERATED ALWAYS AS (place >> 40) VIRTUAL,
    position INTEGER GENERATED ALWAYS AS (place & 1099511627775) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX events_id ON events (namespace, id);
CREATE INDEX events_code ON events (namespace, code);
CREATE INDEX events_emitter ON events (namespace, emitter) WHERE emitter IS NOT NULL;
CREATE INDEX events_root ON events (namespace, root) WHERE root <> id;
