-- A trigger as declared now.
INSERT INTO ensue.triggers (namespace, service, trigger, version, spec, state, begins, own, reason)
VALUES (:namespace, :service, :trigger, :version, :spec, :state, :begins, :own, :reason)
ON CONFLICT (namespace, service, trigger) DO UPDATE
SET version = excluded.version, spec = excluded.spec, state = excluded.state, begins = excluded.begins,
    own = excluded.own, reason = excluded.reason;
