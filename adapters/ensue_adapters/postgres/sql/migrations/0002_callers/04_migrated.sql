-- What was done.
INSERT INTO ensue.migrations (number, name) VALUES (2, 'callers');
