-- Say whether a service decides at all.
INSERT INTO ensue.chains (namespace, service, paused) VALUES (:namespace, :service, :paused)
ON CONFLICT (namespace, service) DO UPDATE SET paused = excluded.paused;
