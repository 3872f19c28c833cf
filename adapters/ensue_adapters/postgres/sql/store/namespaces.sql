-- The names of all namespaces.
SELECT name FROM ensue.namespaces ORDER BY name;
