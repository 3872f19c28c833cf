-- A trigger as declared now: (namespace, service, trigger, version, spec, state, begins, own, reason).
INSERT INTO triggers (namespace, service, trigger, version, spec, state, begins, own, reason)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (namespace, service, trigger) DO UPDATE
SET version = excluded.version, spec = excluded.spec, state = excluded.state, begins = excluded.begins,
    own = excluded.own, reason = excluded.reason;
