-- Say who is declared.
INSERT INTO ensue.chains (namespace, service, version, tasks) VALUES (:namespace, :service, :version, :tasks)
ON CONFLICT (namespace, service) DO UPDATE SET version = excluded.version, tasks = excluded.tasks;
