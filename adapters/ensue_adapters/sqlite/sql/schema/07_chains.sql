-- Decision view: each service's chain of Steps. `through` and `tasks` are JSON.
CREATE TABLE chains (
    namespace INTEGER NOT NULL,
    service TEXT NOT NULL,
    step TEXT NOT NULL DEFAULT '',
    through TEXT NOT NULL DEFAULT '[[0],0,""]',
    clock INTEGER NOT NULL DEFAULT 0,
    version TEXT NOT NULL DEFAULT '',
    tasks TEXT NOT NULL DEFAULT '[]',
    paused INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (namespace, service)
) STRICT, WITHOUT ROWID;
