-- Query view: the facts that say something went wrong, at their places.
CREATE TABLE problems (
    place INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    trigger TEXT NOT NULL,
    reason TEXT NOT NULL,
    error TEXT NOT NULL,
    namespace INTEGER GENERATED ALWAYS AS (place >> 40) VIRTUAL,
    position INTEGER GENERATED ALWAYS AS (place & 1099511627775) VIRTUAL
) STRICT;
