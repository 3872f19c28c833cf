-- Enter the log (0001_beginning/06_enter.sql) with one look instead of two.
CREATE OR REPLACE FUNCTION ensue.enter(of integer, OUT head bigint, OUT moment bigint, OUT waiting boolean)
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'appending needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock('ensue.log'::regclass::oid::bigint << 32 | of);
    SELECT coalesce(last.position, 0), coalesce(last.time, 0), EXISTS (SELECT FROM ensue.intake WHERE intake.namespace = of)
    INTO head, moment, waiting
    FROM (VALUES (of)) AS entered (namespace)
    LEFT JOIN LATERAL (
        SELECT log.position, log.time FROM ensue.log
        WHERE log.namespace = entered.namespace ORDER BY log.position DESC LIMIT 1
    ) AS last ON true;
END $$;
-- Begin the commit of a Step (0001_beginning/14_enter_step.sql), and look past `read` only where there is something.
CREATE OR REPLACE FUNCTION ensue.enter_step(
    of integer, called text, follows uuid, read bigint, clock bigint,
    OUT verdict text, OUT head bigint, OUT moment bigint, OUT waiting boolean
)
LANGUAGE plpgsql AS $$
DECLARE
    last uuid;
    known boolean;
BEGIN
    SELECT chains.step INTO last FROM ensue.chains
    WHERE chains.namespace = of AND chains.service = called FOR UPDATE;
    known := FOUND;
    IF last IS DISTINCT FROM follows THEN
        verdict := 'superseded';
        RETURN;
    END IF;
    SELECT * INTO head, moment, waiting FROM ensue.enter(of);
    IF NOT known AND EXISTS (SELECT FROM ensue.chains WHERE chains.namespace = of AND chains.service = called) THEN
        verdict := 'superseded';
    ELSIF waiting THEN
        verdict := NULL;
    ELSIF head > read AND EXISTS (
        SELECT FROM ensue.log
        WHERE log.namespace = of AND log.position = read + 1 AND log.time < enter_step.clock
    ) THEN
        verdict := 'outrun';
    ELSE
        verdict := 'fits';
    END IF;
END $$;
