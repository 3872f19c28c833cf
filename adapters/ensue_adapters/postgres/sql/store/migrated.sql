-- Remember a migration.
INSERT INTO ensue.migrations (number, name) VALUES (:number, :name);
