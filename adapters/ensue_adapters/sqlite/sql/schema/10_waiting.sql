-- Decision view: matches that wait for partners.
CREATE TABLE waiting (
    namespace INTEGER NOT NULL,
    match TEXT NOT NULL,
    service TEXT NOT NULL,
    trigger TEXT NOT NULL,
    condition TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    "index" INTEGER NOT NULL,
    occurred INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    PRIMARY KEY (namespace, match)
) STRICT, WITHOUT ROWID;
