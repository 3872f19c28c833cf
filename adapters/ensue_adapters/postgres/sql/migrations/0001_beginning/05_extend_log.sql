-- Make partitions until one holds position `upto`; return how many were made. A table is filled with what it
-- needs and then attached, so that nobody who reads or writes the log waits. Runs with its owner's rights: who
-- appends need not own the log.
CREATE FUNCTION ensue.extend_log(upto bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    size bigint;
    next_number integer;
    next_first bigint;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock('ensue.log'::regclass::oid::bigint << 32);
    SELECT value::bigint INTO STRICT size FROM ensue.meta WHERE name = 'partition_positions';
    LOOP
        SELECT coalesce(max(number), 0) + 1, coalesce(max(past), 1) INTO next_number, next_first FROM ensue.partitions;
        EXIT WHEN next_first > upto;
        EXECUTE format('CREATE TABLE ensue.%I (LIKE ensue.log INCLUDING ALL)', 'log_' || next_number);
        EXECUTE format('CREATE UNIQUE INDEX %I ON ensue.%I (namespace, id)', 'log_' || next_number || '_id', 'log_' || next_number);
        EXECUTE format(
            'CREATE TRIGGER log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ensue.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION ensue.refuse_change()', 'log_' || next_number
        );
        EXECUTE format(
            'ALTER TABLE ensue.log ATTACH PARTITION ensue.%I FOR VALUES FROM (%s) TO (%s)',
            'log_' || next_number, next_first, next_first + size
        );
        INSERT INTO ensue.partitions VALUES (next_number, next_first, next_first + size);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
SELECT ensue.extend_log((SELECT value::bigint + 1 FROM ensue.meta WHERE name = 'partition_positions'));
