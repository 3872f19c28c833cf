-- Take the namespace's log lock until the transaction ends, then look: the last position and time, and whether
-- committed rows wait in the intake. The lock is a statement of its own, so that what looks sees all that the
-- holder before has committed; this needs READ COMMITTED.
CREATE FUNCTION ensue.enter(of integer, OUT head bigint, OUT moment bigint, OUT waiting boolean)
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'appending needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock('ensue.log'::regclass::oid::bigint << 32 | of);
    SELECT
        coalesce(last.position, 0), coalesce(last.time, 0),
        EXISTS (SELECT FROM ensue.intake WHERE intake.namespace = of)
    INTO head, moment, waiting
    FROM (VALUES (of)) AS entered (namespace)
    LEFT JOIN LATERAL (
        SELECT log.position, log.time FROM ensue.log
        WHERE log.namespace = entered.namespace ORDER BY log.position DESC LIMIT 1
    ) AS last ON true;
END $$;
