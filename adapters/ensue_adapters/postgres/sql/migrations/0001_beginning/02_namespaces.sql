-- Namespaces and the small numbers that stand for them everywhere else.
CREATE TABLE ensue.namespaces (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);
