-- Append the ends of attempts, each current and begun, as a whole transaction. Where one is not, or the intake must
-- be drained first, or the log lacks what was `seen`, `head` is NULL and nothing was done.
CREATE FUNCTION ensue.finish_work(
    of integer, now bigint, format smallint, mine text, seen bigint,
    invocations uuid[], attempts integer[],
    ids uuid[], kinds text[], causes text[], roots text[], datas bytea[],
    ended uuid[], again uuid[], next_attempts integer[], dues bigint[], failures integer[], crashes integer[],
    OUT head bigint, OUT moment bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    current bigint;
    waiting boolean;
BEGIN
    SELECT count(*) INTO current FROM (
        SELECT work.invocation, work.attempt FROM ensue.work
        WHERE work.namespace = of AND work.invocation = ANY(invocations) AND work.started
        ORDER BY work.invocation FOR UPDATE
    ) AS held
    JOIN unnest(invocations, attempts) AS each (invocation, attempt) USING (invocation, attempt);
    IF current <> cardinality(invocations) THEN
        RETURN;
    END IF;
    SELECT * INTO head, moment, waiting FROM ensue.enter(of);
    IF waiting OR head < seen THEN
        head := NULL;
        RETURN;
    END IF;
    moment := greatest(now, moment);
    PERFORM ensue.put(of, head, moment, format, ids, kinds, causes, roots, datas, NULL, NULL);
    IF cardinality(ended) > 0 THEN
        DELETE FROM ensue.work WHERE work.namespace = of AND work.invocation = ANY(ended);
    END IF;
    IF cardinality(again) > 0 THEN
        UPDATE ensue.work
        SET attempt = next.attempt, due = next.due, failures = next.failures, crashes = next.crashes,
            started = false, worker = '', lease_until = 0
        FROM unnest(again, next_attempts, dues, finish_work.failures, finish_work.crashes)
            AS next (invocation, attempt, due, failures, crashes)
        WHERE work.namespace = of AND work.invocation = next.invocation;
    END IF;
    PERFORM pg_notify(other.channel, '') FROM ensue.listeners AS other
    WHERE other.namespace = of AND other.channel <> mine;
END $$;
