-- What an engine's role needs in the schema `ensue`: nothing that changes or removes what the log holds.
-- Run it as the role that ran `ensue db upgrade`, with the engine's role in the place of `shop`.
GRANT USAGE ON SCHEMA ensue TO shop;
GRANT SELECT ON ALL TABLES IN SCHEMA ensue TO shop;
GRANT INSERT ON ensue.log, ensue.keys, ensue.namespaces, ensue.parked TO shop;
GRANT UPDATE, DELETE ON ensue.intake TO shop;
GRANT INSERT, UPDATE, DELETE ON
    ensue.chains, ensue.triggers, ensue.timers, ensue.waiting, ensue.work, ensue.leases, ensue.cursors, ensue.events,
    ensue.runs, ensue.participants, ensue.invocations, ensue.attempts, ensue.trigger_stats, ensue.schedules,
    ensue.problems, ensue.topics
TO shop;
GRANT INSERT, UPDATE ON ensue.generations TO shop;
-- Where the schema holds the views of a log in Kafka:
GRANT INSERT, UPDATE, DELETE ON ensue.folds, ensue.verdicts, ensue.horizons TO shop;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ensue TO shop;
-- A role that only emits and submits in its own transactions needs no more than this:
--   GRANT USAGE ON SCHEMA ensue TO shop_web;
