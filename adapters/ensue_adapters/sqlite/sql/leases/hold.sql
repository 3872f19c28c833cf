-- Take or renew a lease that is free, run out or one's own: (namespace, name, holder, note, until, now).
INSERT INTO leases (namespace, name, holder, note, until) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (namespace, name) DO UPDATE
SET holder = excluded.holder, note = excluded.note, until = excluded.until
WHERE holder = excluded.holder OR until <= ?6;
