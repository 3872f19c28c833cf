-- Where the log lies at a broker: the horizons that held at positions of the past, for services that are behind.
CREATE TABLE horizons (
    namespace INTEGER NOT NULL,
    position INTEGER NOT NULL,
    horizon INTEGER NOT NULL,
    PRIMARY KEY (namespace, position)
) STRICT, WITHOUT ROWID;
