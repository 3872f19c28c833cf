-- Whether the schema is there, and what it holds: its migrations table, or tables of somebody else.
SELECT
    EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = :schema),
    EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = :schema AND tablename = 'migrations'),
    EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = :schema),
    has_database_privilege(current_database(), 'CREATE'),
    has_schema_privilege((SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = :schema), 'USAGE');
