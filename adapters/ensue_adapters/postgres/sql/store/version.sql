-- The number of the last migration.
SELECT coalesce(max(number), 0) FROM ensue.migrations;
