-- Give a namespace its number.
INSERT INTO ensue.namespaces (name) VALUES (:name) ON CONFLICT (name) DO NOTHING;
