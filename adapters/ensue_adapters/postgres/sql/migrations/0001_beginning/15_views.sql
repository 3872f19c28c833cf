-- How far each projection of the query views has folded the log.
CREATE TABLE ensue.cursors (
    namespace integer NOT NULL,
    projection text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (namespace, projection)
) WITH (fillfactor = 50);
-- Query view: events and what came of them. `root` is NULL where an event is its own, '' where it has none.
CREATE TABLE ensue.events (
    namespace integer NOT NULL,
    id uuid NOT NULL,
    position bigint NOT NULL,
    time bigint NOT NULL,
    code text COLLATE "C" NOT NULL,
    key text,
    emitter uuid,
    emitter_task text,
    cause text,
    root text COLLATE "C",
    matched integer NOT NULL,
    triggered integer NOT NULL,
    PRIMARY KEY (namespace, id)
) WITH (fillfactor = 85);
CREATE INDEX events_position ON ensue.events (namespace, position);
CREATE INDEX events_code ON ensue.events (namespace, code, position);
CREATE INDEX events_emitter ON ensue.events (namespace, emitter, position) WHERE emitter IS NOT NULL;
CREATE INDEX events_root ON ensue.events (namespace, root) WHERE root IS NOT NULL;
-- Query view: trigger runs. A run that fired and its invocation are one record, so they share their position.
CREATE TABLE ensue.runs (
    namespace integer NOT NULL,
    id uuid NOT NULL,
    position bigint NOT NULL,
    time bigint NOT NULL,
    service text NOT NULL,
    trigger text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    invocation uuid,
    branch integer NOT NULL,
    key text NOT NULL,
    reason text NOT NULL,
    author text,
    root text COLLATE "C",
    PRIMARY KEY (namespace, id)
);
CREATE INDEX runs_position ON ensue.runs (namespace, position);
CREATE INDEX runs_trigger ON ensue.runs (namespace, trigger, position);
CREATE INDEX runs_unfired ON ensue.runs (namespace, outcome, position) WHERE outcome <> 'fired';
CREATE INDEX runs_invocation ON ensue.runs (namespace, invocation) WHERE invocation IS NOT NULL;
CREATE INDEX runs_root ON ensue.runs (namespace, root) WHERE root IS NOT NULL;
-- Query view: which occurrence satisfied which condition of a run; `place` is the order in the run.
CREATE TABLE ensue.participants (
    namespace integer NOT NULL,
    run uuid NOT NULL,
    place integer NOT NULL,
    condition text NOT NULL,
    kind text NOT NULL,
    source uuid NOT NULL,
    position bigint NOT NULL,
    occurred bigint NOT NULL,
    PRIMARY KEY (namespace, run, place)
);
CREATE INDEX participants_source ON ensue.participants (namespace, source);
-- Query view: invocations as they stand. All but a few end well: the others have an index.
CREATE TABLE ensue.invocations (
    namespace integer NOT NULL,
    id uuid NOT NULL,
    task text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    created bigint NOT NULL,
    registered bigint NOT NULL,
    run uuid,
    trigger text COLLATE "C",
    emitter uuid,
    attempts integer NOT NULL,
    due bigint NOT NULL,
    started bigint NOT NULL,
    ended bigint NOT NULL,
    ended_at bigint NOT NULL,
    error_type text,
    error_message text,
    cause text,
    root text COLLATE "C",
    PRIMARY KEY (namespace, id)
) WITH (fillfactor = 85);
CREATE INDEX invocations_created ON ensue.invocations (namespace, created);
CREATE INDEX invocations_task ON ensue.invocations (namespace, task, created);
CREATE INDEX invocations_trigger ON ensue.invocations (namespace, trigger, created) WHERE trigger IS NOT NULL;
CREATE INDEX invocations_emitter ON ensue.invocations (namespace, emitter, created) WHERE emitter IS NOT NULL;
CREATE INDEX invocations_root ON ensue.invocations (namespace, root) WHERE root IS NOT NULL;
CREATE INDEX invocations_unwell ON ensue.invocations (namespace, status, created) WHERE status <> 'SUCCESS';
-- Query view: each try of each invocation.
CREATE TABLE ensue.attempts (
    namespace integer NOT NULL,
    invocation uuid NOT NULL,
    attempt integer NOT NULL,
    started bigint NOT NULL,
    worker text NOT NULL,
    ended bigint NOT NULL,
    status text NOT NULL,
    position bigint NOT NULL,
    error_type text,
    PRIMARY KEY (namespace, invocation, attempt)
) WITH (fillfactor = 85);
-- Query view: what each trigger has done so far.
CREATE TABLE ensue.trigger_stats (
    namespace integer NOT NULL,
    service text COLLATE "C" NOT NULL,
    trigger text COLLATE "C" NOT NULL,
    fired integer NOT NULL,
    failed integer NOT NULL,
    matched integer NOT NULL,
    expired integer NOT NULL,
    dropped integer NOT NULL,
    last_fired bigint NOT NULL,
    PRIMARY KEY (namespace, service, trigger)
) WITH (fillfactor = 50);
-- Query view: each cron condition's last and next slot.
CREATE TABLE ensue.schedules (
    namespace integer NOT NULL,
    service text COLLATE "C" NOT NULL,
    trigger text COLLATE "C" NOT NULL,
    condition text COLLATE "C" NOT NULL,
    expression text NOT NULL,
    timezone text NOT NULL,
    next bigint NOT NULL,
    last bigint NOT NULL,
    ticks integer NOT NULL,
    skipped integer NOT NULL,
    PRIMARY KEY (namespace, service, trigger, condition)
) WITH (fillfactor = 50);
-- Query view: the facts that say something went wrong.
CREATE TABLE ensue.problems (
    namespace integer NOT NULL,
    position bigint NOT NULL,
    time bigint NOT NULL,
    kind text NOT NULL,
    trigger text NOT NULL,
    reason text NOT NULL,
    error text NOT NULL,
    PRIMARY KEY (namespace, position)
);
