-- Append records that nothing is known to repeat, and open the work they create, as a whole transaction: one
-- statement from a client, one commit. Returns NULLs, and has done nothing, where the intake must be
-- drained first, or the log ends before `seen`, which was there before.
DROP FUNCTION ensue.append_alone(integer, bigint, smallint, text, uuid[], text[], text[], text[], bytea[]);
CREATE FUNCTION ensue.append(
    of integer, now bigint, format smallint, mine text, seen bigint,
    ids uuid[], kinds text[], causes text[], roots text[], datas bytea[],
    invocations uuid[] DEFAULT NULL, tasks text[] DEFAULT NULL, dues bigint[] DEFAULT NULL,
    places integer[] DEFAULT NULL, depths integer[] DEFAULT NULL, origins text[] DEFAULT NULL,
    begun boolean[] DEFAULT NULL,
    OUT head bigint, OUT moment bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    waiting boolean;
BEGIN
    SELECT * INTO head, moment, waiting FROM ensue.enter(of);
    IF waiting OR head < seen THEN
        head := NULL;
        RETURN;
    END IF;
    moment := greatest(now, moment);
    PERFORM ensue.put(of, head, moment, format, ids, kinds, causes, roots, datas, NULL, NULL);
    IF invocations IS NOT NULL THEN
        PERFORM ensue.put_work(
            of, head, moment, invocations, tasks, dues, places, depths, origins, begun, '', 0
        );
    END IF;
    PERFORM pg_notify(other.channel, '') FROM ensue.listeners AS other
    WHERE other.namespace = of AND other.channel <> mine;
END $$;
-- The same for one event.
CREATE FUNCTION ensue.append_one(
    of integer, now bigint, format smallint, mine text, seen bigint,
    id uuid, kind text, cause text, root text, data bytea, OUT head bigint, OUT moment bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    waiting boolean;
BEGIN
    SELECT * INTO head, moment, waiting FROM ensue.enter(of);
    IF waiting OR head < seen THEN
        head := NULL;
        RETURN;
    END IF;
    moment := greatest(now, moment);
    INSERT INTO ensue.log (namespace, position, id, time, kind, version, cause, root, data)
    VALUES (of, head + 1, append_one.id, moment, append_one.kind, format, append_one.cause, append_one.root, append_one.data);
    PERFORM pg_notify(other.channel, '') FROM ensue.listeners AS other
    WHERE other.namespace = of AND other.channel <> mine;
END $$;
