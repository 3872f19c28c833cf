-- Query view: each cron condition's last and next slot.
CREATE TABLE schedules (
    namespace INTEGER NOT NULL,
    service TEXT NOT NULL,
    trigger TEXT NOT NULL,
    condition TEXT NOT NULL,
    expression TEXT NOT NULL,
    timezone TEXT NOT NULL,
    next INTEGER NOT NULL,
    last INTEGER NOT NULL,
    ticks INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    PRIMARY KEY (namespace, service, trigger, condition)
) STRICT, WITHOUT ROWID;
