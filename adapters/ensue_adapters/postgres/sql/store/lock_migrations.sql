-- One upgrade of a schema at a time, in its own transaction.
SELECT pg_advisory_xact_lock(hashtextextended('ensue migrations ' || :schema, 0));
