-- Where the log lies at a broker: how far each namespace is folded from it. `version` counts the folds; `lines` says
-- whose lines they are, `offsets` how far each is folded (JSON), `horizon` holds for positions from `position` on.
CREATE TABLE folds (
    namespace INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    lines TEXT NOT NULL,
    offsets TEXT NOT NULL,
    horizon INTEGER NOT NULL,
    position INTEGER NOT NULL
) STRICT;
