-- Decision view: the next slot of each cron condition.
CREATE TABLE timers (
    namespace INTEGER NOT NULL,
    service TEXT NOT NULL,
    trigger TEXT NOT NULL,
    condition TEXT NOT NULL,
    due INTEGER NOT NULL,
    PRIMARY KEY (namespace, service, trigger, condition)
) STRICT, WITHOUT ROWID;
