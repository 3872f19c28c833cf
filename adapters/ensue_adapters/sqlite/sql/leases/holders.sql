-- The live leases whose name begins so: (namespace, prefix, now).
SELECT name, holder, note FROM leases
WHERE namespace = ?1 AND substr(name, 1, length(?2)) = ?2 AND until > ?3 ORDER BY name;
