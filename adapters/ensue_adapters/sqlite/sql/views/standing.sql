-- The generations of a namespace's query views, as JSON: (namespace).
SELECT value FROM meta WHERE name = 'generations/' || ?1;
