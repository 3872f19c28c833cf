-- The schema itself.
CREATE SCHEMA IF NOT EXISTS ensue;
