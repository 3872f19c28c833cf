-- A namespace's number.
SELECT number FROM ensue.namespaces WHERE name = :name;
