-- The log. `place` is the namespace's number in the high bits and the position in the low 40: one key that
-- grows at one end of each namespace, in a table whose rows lie in its leaves whatever their size.
-- `root` is NULL where a record is its own root.
CREATE TABLE log (
    place INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    cause TEXT,
    root TEXT,
    data BLOB NOT NULL,
    namespace INTEGER GENERATED ALWAYS AS (place >> 40) VIRTUAL,
    position INTEGER GENERATED ALWAYS AS (place & 1099511627775) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX log_id ON log (namespace, id);
