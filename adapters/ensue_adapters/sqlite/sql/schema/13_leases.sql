-- Named leases: soft state, in no record.
CREATE TABLE leases (
    namespace INTEGER NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    note TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;
