-- What this schema is: settings of it, and the migrations that made it.
CREATE TABLE ensue.meta (
    name text PRIMARY KEY,
    value text NOT NULL
);
INSERT INTO ensue.meta VALUES ('partition_positions', '10000000');
CREATE TABLE ensue.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now()
);
