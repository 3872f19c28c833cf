-- The outbox: what users' transactions emit and submit. Whoever appends next moves what is committed into the
-- log, in order of `number`. An `id` of NULL derives from the key that the fact names.
CREATE TABLE ensue.intake (
    namespace integer NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    id uuid,
    data bytea NOT NULL,
    cause text,
    root text,
    repeatable boolean NOT NULL,
    PRIMARY KEY (namespace, number)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, fillfactor = 100);
-- What could not enter the log, and why. Nothing waits for it; `ensue doctor` counts it.
CREATE TABLE ensue.parked (
    namespace integer NOT NULL,
    number bigint NOT NULL,
    reason text NOT NULL,
    at bigint NOT NULL,
    id uuid,
    data bytea NOT NULL,
    cause text,
    root text,
    PRIMARY KEY (namespace, number)
);
-- Tell those who listen, at the user's commit.
CREATE FUNCTION ensue.tell() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_TABLE_SCHEMA || '.' || namespace, '') FROM (SELECT DISTINCT namespace FROM come) AS told;
    RETURN NULL;
END $$;
CREATE TRIGGER intake_tells AFTER INSERT ON ensue.intake REFERENCING NEW TABLE AS come
FOR EACH STATEMENT EXECUTE FUNCTION ensue.tell();
