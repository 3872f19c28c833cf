-- Query view: which occurrence satisfied which condition of a run; `place` is the order in the run.
CREATE TABLE participants (
    namespace INTEGER NOT NULL,
    run TEXT NOT NULL,
    place INTEGER NOT NULL,
    condition TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    occurred INTEGER NOT NULL,
    PRIMARY KEY (namespace, run, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX participants_source ON participants (namespace, source);
