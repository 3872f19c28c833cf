-- How far each projection of the query views has folded the log.
CREATE TABLE cursors (
    namespace INTEGER NOT NULL,
    projection TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (namespace, projection)
) STRICT, WITHOUT ROWID;
