-- Commit.
COMMIT;
