-- Which generation of a namespace's query views is live, which is kept from before, and which is folded beside it: numbers
-- as namespaces have; 0 is none. A namespace without a row has one generation, under its own number.
CREATE TABLE ensue.generations (
    namespace integer PRIMARY KEY,
    live integer NOT NULL,
    kept integer NOT NULL,
    beside integer NOT NULL
);
INSERT INTO ensue.migrations (number, name) VALUES (4, 'generations');
