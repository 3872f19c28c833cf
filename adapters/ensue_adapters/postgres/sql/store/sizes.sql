-- Bytes and dead rows of the tables that change most.
SELECT
    (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('ensue.log'::regclass))::bigint,
    pg_total_relation_size('ensue.work'::regclass),
    pg_total_relation_size('ensue.intake'::regclass),
    coalesce((SELECT sum(n_dead_tup) FROM pg_stat_user_tables
        WHERE relid IN ('ensue.work'::regclass, 'ensue.intake'::regclass, 'ensue.chains'::regclass)), 0)::bigint;
