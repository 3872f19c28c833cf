-- Where the log lies at a broker: what became of other processes' requests, kept for some minutes (JSON).
CREATE TABLE verdicts (
    namespace INTEGER NOT NULL,
    envelope TEXT NOT NULL,
    time INTEGER NOT NULL,
    verdicts TEXT NOT NULL,
    PRIMARY KEY (namespace, envelope)
) STRICT, WITHOUT ROWID;
CREATE INDEX verdicts_time ON verdicts (namespace, time);
