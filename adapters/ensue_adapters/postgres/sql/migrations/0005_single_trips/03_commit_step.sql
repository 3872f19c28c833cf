-- Commit a Step that fires, begins and moves its chain, as a whole transaction. `verdict` is that of enter_step;
-- where it is NULL, nothing was done: the intake must be drained first, or the log lacks what was `seen`.
CREATE FUNCTION ensue.commit_step(
    of integer, called text, follows uuid, read bigint, clock bigint, step uuid, read_through text,
    now bigint, format smallint, mine text, seen bigint,
    ids uuid[], kinds text[], causes text[], roots text[], datas bytea[], backs integer[], rests bytea[],
    invocations uuid[], tasks text[], dues bigint[], places integer[], depths integer[], origins text[],
    begun boolean[], claimer text, lease bigint,
    OUT verdict text, OUT head bigint, OUT moment bigint
)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT entered.verdict, entered.head, entered.moment INTO verdict, head, moment
    FROM ensue.enter_step(of, called, follows, read, clock) AS entered;
    IF head < seen THEN
        verdict := NULL;
    END IF;
    IF verdict IS DISTINCT FROM 'fits' THEN
        RETURN;
    END IF;
    moment := greatest(now, moment, clock);
    PERFORM ensue.put(of, head, moment, format, ids, kinds, causes, roots, datas, backs, rests);
    IF cardinality(invocations) > 0 THEN
        PERFORM ensue.put_work(
            of, head, moment, invocations, tasks, dues, places, depths, origins, begun, claimer, lease
        );
    END IF;
    UPDATE ensue.chains
    SET step = commit_step.step, through = read_through, clock = commit_step.clock
    WHERE chains.namespace = of AND chains.service = called;
    IF NOT FOUND THEN
        INSERT INTO ensue.chains (namespace, service, step, through, clock)
        VALUES (of, called, commit_step.step, read_through, commit_step.clock);
    END IF;
    PERFORM pg_notify(other.channel, '') FROM ensue.listeners AS other
    WHERE other.namespace = of AND other.channel <> mine;
END $$;
