-- The schema's version.
SELECT value FROM meta WHERE name = 'schema';
