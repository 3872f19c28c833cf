-- What `ensue doctor` asks of a server.
SELECT
    current_setting('server_version'), current_setting('synchronous_commit'), current_setting('fsync'),
    pg_is_in_recovery(),
    coalesce((SELECT max(extract(epoch FROM clock_timestamp() - xact_start))::bigint FROM pg_stat_activity
        WHERE state <> 'idle' AND pid <> pg_backend_pid() AND datname = current_database()), 0);
