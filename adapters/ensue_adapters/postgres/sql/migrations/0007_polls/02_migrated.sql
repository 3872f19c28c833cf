-- What was done.
INSERT INTO ensue.migrations (number, name) VALUES (6, 'polls');
