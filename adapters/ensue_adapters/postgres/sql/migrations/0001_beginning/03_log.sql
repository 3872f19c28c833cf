-- The log, cut into partitions by position, so that old ranges can be detached whole. `root` is NULL where a
-- record is its own root. Ids are unique within a partition; `keys` holds for ever what may come again.
CREATE TABLE ensue.log (
    namespace integer NOT NULL,
    position bigint NOT NULL,
    id uuid NOT NULL,
    time bigint NOT NULL,
    kind text NOT NULL,
    version smallint NOT NULL,
    cause text,
    root text,
    data bytea NOT NULL,
    PRIMARY KEY (namespace, position)
) PARTITION BY RANGE (position);
CREATE TABLE ensue.keys (
    namespace integer NOT NULL,
    id uuid NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (namespace, id)
);
-- Which positions each partition holds: from `first` up to, and without, `past`.
CREATE TABLE ensue.partitions (
    number integer PRIMARY KEY,
    first bigint NOT NULL,
    past bigint NOT NULL
);
