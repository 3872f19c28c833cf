-- Decision view: triggers as last declared, paused, resumed or retired. `spec` and `own` are JSON.
CREATE TABLE triggers (
    namespace INTEGER NOT NULL,
    service TEXT NOT NULL,
    trigger TEXT NOT NULL,
    version TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    begins INTEGER NOT NULL,
    own TEXT,
    reason TEXT,
    PRIMARY KEY (namespace, service, trigger)
) STRICT;
