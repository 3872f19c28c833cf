-- Query view: the facts that say something went wrong.
CREATE TABLE problems (
    namespace INTEGER NOT NULL,
    position INTEGER NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    trigger TEXT NOT NULL,
    reason TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (namespace, position)
) STRICT, WITHOUT ROWID;
