-- Give a lease up: (namespace, name, holder).
DELETE FROM leases WHERE namespace = ?1 AND name = ?2 AND holder = ?3;
