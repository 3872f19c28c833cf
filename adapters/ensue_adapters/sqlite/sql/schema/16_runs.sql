-- Query view: trigger runs.
CREATE TABLE runs (
    namespace INTEGER NOT NULL,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
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
    PRIMARY KEY (namespace, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_position ON runs (namespace, position);
CREATE INDEX runs_trigger ON runs (namespace, trigger, position);
CREATE INDEX runs_invocation ON runs (namespace, invocation) WHERE invocation IS NOT NULL;
CREATE INDEX runs_root ON runs (namespace, root, position);
CREATE INDEX runs_odd ON runs (namespace, outcome, position) WHERE outcome <> 'fired';
