-- Move a chain to its new Step.
INSERT INTO ensue.chains (namespace, service, step, through, clock)
VALUES (:namespace, :service, :step, :through, :clock)
ON CONFLICT (namespace, service) DO UPDATE
SET step = excluded.step, through = excluded.through, clock = excluded.clock;
