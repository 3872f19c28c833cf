-- A namespace's number.
SELECT id FROM namespaces WHERE name = ?1;
