-- Say who is declared: (namespace, service, version, tasks).
INSERT INTO chains (namespace, service, version, tasks) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (namespace, service) DO UPDATE SET version = excluded.version, tasks = excluded.tasks;
