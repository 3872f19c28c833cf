-- Begin attempts that a worker has seen open, as a whole transaction. What another worker holds or has begun
-- meanwhile is left out: `won` are the places of the others, whose records follow one another past the head. Where
-- `won` is NULL, nothing was done: the intake must be drained first, or the log lacks what was `seen`.
CREATE FUNCTION ensue.start_work(
    of integer, now bigint, format smallint, mine text, seen bigint, claimer text, lease bigint,
    invocations uuid[], attempts integer[], ids uuid[], roots text[], datas bytea[],
    OUT won integer[], OUT head bigint, OUT moment bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    held uuid[];
    waiting boolean;
BEGIN
    SELECT array_agg(open.invocation) INTO held FROM (
        SELECT work.invocation, work.attempt FROM ensue.work
        WHERE work.namespace = of AND work.invocation = ANY(invocations) AND NOT work.started
        ORDER BY work.invocation FOR UPDATE SKIP LOCKED
    ) AS open
    JOIN unnest(invocations, attempts) AS wanted (invocation, attempt) USING (invocation, attempt);
    IF held IS NULL THEN
        won := ARRAY[]::integer[];
        RETURN;
    END IF;
    SELECT * INTO head, moment, waiting FROM ensue.enter(of);
    IF waiting OR head < seen THEN
        RETURN;
    END IF;
    moment := greatest(now, moment);
    SELECT array_agg(each.place ORDER BY each.place) INTO won
    FROM unnest(invocations) WITH ORDINALITY AS each (invocation, place)
    WHERE each.invocation = ANY(held);
    INSERT INTO ensue.log (namespace, position, id, time, kind, version, cause, root, data)
    SELECT
        of, head + order_of.number, each.id, moment, 'AttemptStarted', format,
        replace(each.invocation::text, '-', ''), each.root, each.data
    FROM unnest(won) WITH ORDINALITY AS order_of (place, number)
    JOIN unnest(invocations, ids, roots, datas) WITH ORDINALITY AS each (invocation, id, root, data, place)
        USING (place);
    UPDATE ensue.work SET started = true, worker = claimer, lease_until = lease
    WHERE work.namespace = of AND work.invocation = ANY(held);
    PERFORM pg_notify(other.channel, '') FROM ensue.listeners AS other
    WHERE other.namespace = of AND other.channel <> mine;
END $$;
