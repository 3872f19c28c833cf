-- Query view: each try of each invocation.
CREATE TABLE attempts (
    namespace INTEGER NOT NULL,
    invocation TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    started INTEGER NOT NULL,
    worker TEXT NOT NULL,
    ended INTEGER NOT NULL,
    status TEXT NOT NULL,
    position INTEGER NOT NULL,
    error_type TEXT,
    PRIMARY KEY (namespace, invocation, attempt)
) STRICT, WITHOUT ROWID;
