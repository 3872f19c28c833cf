-- Say whether a service decides at all: (namespace, service, paused).
INSERT INTO chains (namespace, service, paused) VALUES (?1, ?2, ?3)
ON CONFLICT (namespace, service) DO UPDATE SET paused = excluded.paused;
