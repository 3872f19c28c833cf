-- Take or renew a lease that is free, run out or one's own.
INSERT INTO ensue.leases AS held (namespace, name, holder, note, until)
VALUES (:namespace, :name, :holder, :note, :until)
ON CONFLICT (namespace, name) DO UPDATE
SET holder = excluded.holder, note = excluded.note, until = excluded.until
WHERE held.holder = excluded.holder OR held.until <= :now;
