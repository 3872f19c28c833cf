-- Decision view: how far each partition of a topic was taken into the log, and what became of its records. It
-- changes under the log lock only.
CREATE TABLE ensue.topics (
    namespace integer NOT NULL,
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    through bigint NOT NULL,
    events bigint NOT NULL,
    repeats bigint NOT NULL,
    parked bigint NOT NULL,
    missed bigint NOT NULL,
    PRIMARY KEY (namespace, topic, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
