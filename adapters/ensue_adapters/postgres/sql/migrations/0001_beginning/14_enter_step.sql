-- Begin the commit of a Step: compare the chain's last Step (its row stays locked), enter the log, and see that
-- nothing past `read` is older than the clock. Where the intake waits, `verdict` is NULL: the caller drains it
-- and looks for older records itself.
CREATE FUNCTION ensue.enter_step(
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
