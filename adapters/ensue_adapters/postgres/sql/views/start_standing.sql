-- Let a namespace have a row of generations.
INSERT INTO ensue.generations (namespace, live, kept, beside) VALUES (:namespace, :namespace, 0, 0)
ON CONFLICT (namespace) DO NOTHING;
