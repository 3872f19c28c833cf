-- Decision view: each service's chain of Steps. `through` and `tasks` are JSON; `step` is NULL before the first.
CREATE TABLE ensue.chains (
    namespace integer NOT NULL,
    service text COLLATE "C" NOT NULL,
    step uuid,
    through text NOT NULL DEFAULT '[[0],0,""]',
    clock bigint NOT NULL DEFAULT 0,
    version text NOT NULL DEFAULT '',
    tasks text NOT NULL DEFAULT '[]',
    paused boolean NOT NULL DEFAULT false,
    PRIMARY KEY (namespace, service)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
-- Decision view: triggers as last declared, paused, resumed or retired. `spec` and `own` are JSON.
CREATE TABLE ensue.triggers (
    namespace integer NOT NULL,
    service text COLLATE "C" NOT NULL,
    trigger text COLLATE "C" NOT NULL,
    version text NOT NULL,
    spec text NOT NULL,
    state text NOT NULL,
    begins bigint NOT NULL,
    own text,
    reason text,
    PRIMARY KEY (namespace, service, trigger)
) WITH (fillfactor = 70);
-- Decision view: the next slot of each cron condition.
CREATE TABLE ensue.timers (
    namespace integer NOT NULL,
    service text COLLATE "C" NOT NULL,
    trigger text COLLATE "C" NOT NULL,
    condition text COLLATE "C" NOT NULL,
    due bigint NOT NULL,
    PRIMARY KEY (namespace, service, trigger, condition)
) WITH (fillfactor = 70);
-- Decision view: matches that wait for partners.
CREATE TABLE ensue.waiting (
    namespace integer NOT NULL,
    match uuid NOT NULL,
    service text COLLATE "C" NOT NULL,
    trigger text NOT NULL,
    condition text NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    source uuid NOT NULL,
    position bigint NOT NULL,
    index integer NOT NULL,
    occurred bigint NOT NULL,
    deadline bigint NOT NULL,
    PRIMARY KEY (namespace, match)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
