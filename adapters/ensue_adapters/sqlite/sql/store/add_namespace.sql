-- Number a new namespace.
INSERT INTO namespaces (name) VALUES (?1);
