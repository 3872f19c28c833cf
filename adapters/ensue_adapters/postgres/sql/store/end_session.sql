-- End this session of the server: what it remembers of the log's partitions is out of date.
SELECT pg_terminate_backend(pg_backend_pid());
