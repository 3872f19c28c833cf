-- Decision view: how far each partition of a topic was taken into the log, and what became of its records.
CREATE TABLE topics (
    namespace INTEGER NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    through INTEGER NOT NULL,
    events INTEGER NOT NULL,
    repeats INTEGER NOT NULL,
    parked INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    PRIMARY KEY (namespace, topic, partition)
) STRICT, WITHOUT ROWID;
