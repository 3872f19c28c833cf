-- Whether a partition, asked by its own name, holds anything of a namespace. Runs with its owner's rights: who appends
-- may read the log, and not its parts.
CREATE FUNCTION ensue.holds(part integer, of integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM ensue.%I WHERE namespace = $1)', 'log_' || part) INTO found USING of;
    RETURN found;
END $$;
-- Take the namespace's log lock until the transaction ends, then look: the last position and time, and whether
-- committed rows wait in the intake. The lock is a statement of its own, so that what looks sees all that the
-- holder before has committed; this needs READ COMMITTED.
CREATE FUNCTION ensue.enter(of integer, OUT head bigint, OUT moment bigint, OUT waiting boolean)
LANGUAGE plpgsql AS $$
DECLARE
    next_number integer;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'appending needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock('ensue.log'::regclass::oid::bigint << 32 | of);
    SELECT
        coalesce(last.position, 0), coalesce(last.time, 0),
        EXISTS (SELECT FROM ensue.intake WHERE intake.namespace = of),
        (SELECT number FROM ensue.partitions WHERE first = last.position + 1)
    INTO head, moment, waiting, next_number
    FROM (VALUES (of)) AS entered (namespace)
    LEFT JOIN LATERAL (
        SELECT log.position, log.time FROM ensue.log
        WHERE log.namespace = entered.namespace ORDER BY log.position DESC LIMIT 1
    ) AS last ON true;
    -- A session can miss, for as long as it lives, that a partition was attached while it looked for partitions. Then
    -- the log seems to end with the one before: such a session decides nothing, and whoever has it ends it.
    IF next_number IS NOT NULL AND ensue.holds(next_number, of) THEN
        RAISE EXCEPTION 'this session does not see partition %', next_number USING ERRCODE = 'EN001';
    END IF;
END $$;
