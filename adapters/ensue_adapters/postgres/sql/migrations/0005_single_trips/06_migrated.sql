-- What was done.
INSERT INTO ensue.migrations (number, name) VALUES (5, 'single trips');
