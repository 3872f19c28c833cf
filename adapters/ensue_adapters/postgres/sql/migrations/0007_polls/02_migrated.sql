-- What was done.
INSERT INTO ensue.migrations (number, name) VALUES (7, 'polls');
