-- The names of all namespaces; those of generations of views begin with a control character.
SELECT name FROM namespaces WHERE name >= ' ' ORDER BY name;
