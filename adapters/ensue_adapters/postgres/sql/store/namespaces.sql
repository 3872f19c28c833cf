-- The names of all namespaces; those of generations of views begin with a control character.
SELECT name FROM ensue.namespaces WHERE name >= ' ' ORDER BY name;
