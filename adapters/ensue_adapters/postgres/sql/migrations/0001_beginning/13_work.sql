-- Decision view: unfinished invocations, narrow and gone at their end. `worker` and `lease_until` are soft state,
-- in no record. work_open serves claims (what no worker has begun), work_held the reaper (what one has).
CREATE TABLE ensue.work (
    namespace integer NOT NULL,
    invocation uuid NOT NULL,
    task text COLLATE "C" NOT NULL,
    attempt integer NOT NULL,
    due bigint NOT NULL,
    created bigint NOT NULL,
    started boolean NOT NULL,
    failures integer NOT NULL,
    crashes integer NOT NULL,
    depth integer NOT NULL,
    root text,
    worker text NOT NULL,
    lease_until bigint NOT NULL,
    PRIMARY KEY (namespace, invocation)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX work_open ON ensue.work (namespace, task, due, created) WHERE NOT started;
CREATE INDEX work_held ON ensue.work (namespace, lease_until) WHERE started;
-- Named leases: soft state, in no record.
CREATE TABLE ensue.leases (
    namespace integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    holder text COLLATE "C" NOT NULL,
    note text NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (namespace, name)
) WITH (fillfactor = 50);
