-- The names of all namespaces.
SELECT name FROM namespaces ORDER BY name;
