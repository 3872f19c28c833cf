-- Where the log lies at a broker: how far each namespace is folded from it. `version` counts the folds; `lines` says
-- whose lines they are, `offsets` how far each is folded (JSON), `horizon` holds for positions from `position` on. It
-- changes under the log lock only.
CREATE TABLE ensue.folds (
    namespace integer PRIMARY KEY,
    version bigint NOT NULL,
    lines text NOT NULL,
    offsets text NOT NULL,
    horizon bigint NOT NULL,
    position bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
-- What became of other processes' requests, kept for some minutes (JSON).
CREATE TABLE ensue.verdicts (
    namespace integer NOT NULL,
    envelope uuid NOT NULL,
    time bigint NOT NULL,
    verdicts text NOT NULL,
    PRIMARY KEY (namespace, envelope)
);
CREATE INDEX verdicts_time ON ensue.verdicts (namespace, time);
-- The horizons that held at positions of the past, for services that are behind.
CREATE TABLE ensue.horizons (
    namespace integer NOT NULL,
    position bigint NOT NULL,
    horizon bigint NOT NULL,
    PRIMARY KEY (namespace, position)
);
