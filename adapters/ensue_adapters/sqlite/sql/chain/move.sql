-- Move a chain to its new Step: (namespace, service, step, through, clock).
INSERT INTO chains (namespace, service, step, through, clock) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (namespace, service) DO UPDATE
SET step = excluded.step, through = excluded.through, clock = excluded.clock;
