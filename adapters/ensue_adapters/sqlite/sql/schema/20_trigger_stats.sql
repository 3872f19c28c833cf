-- Query view: what each trigger has done so far.
CREATE TABLE trigger_stats (
    namespace INTEGER NOT NULL,
    service TEXT NOT NULL,
    trigger TEXT NOT NULL,
    fired INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    matched INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    last_fired INTEGER NOT NULL,
    PRIMARY KEY (namespace, service, trigger)
) STRICT, WITHOUT ROWID;
