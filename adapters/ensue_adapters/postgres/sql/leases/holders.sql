-- The live leases whose name begins so.
SELECT name, holder, note FROM ensue.leases
WHERE namespace = :namespace AND starts_with(name, :prefix) AND until > :now ORDER BY name;
