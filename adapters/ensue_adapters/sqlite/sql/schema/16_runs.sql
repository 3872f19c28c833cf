-- Query view: trigger runs. A run that fired and its invocation are one record, so they share their place, and
-- what is asked of both has one index: trigger and outcome here, task and root there.
CREATE TABLE runs (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,
    service TEXT NOT NULL,
    trigger TEXT NOT NULL,
    task TEXT NOT NULL,
    outcome TEXT NOT NULL,
    invocation TEXT,
    branch INTEGER NOT NULL,
    key TEXT NOT NULL,
    reason TEXT NOT NULL,
    author TEXT,
    root TEXT,
    namespace INTEGER GENERATED ALWAYS AS (place >> 40) VIRTUAL,
    position INTEGER GENERATED ALWAYS AS (place & 1099511627775) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX runs_id ON runs (namespace, id);
CREATE INDEX runs_trigger ON runs (namespace, trigger);
CREATE INDEX runs_unfired ON runs (namespace, outcome) WHERE outcome <> 'fired';
CREATE INDEX runs_root ON runs (namespace, root) WHERE invocation IS NULL;
