-- Append records of one moment past a head; the caller has entered the log. Where `backs` is given, a record whose
-- `back` is not NULL names a record so many places before itself: its fact is `data`, that position, `rest`.
CREATE FUNCTION ensue.put(
    of integer, head bigint, moment bigint, format smallint,
    ids uuid[], kinds text[], causes text[], roots text[], datas bytea[], backs integer[], rests bytea[]
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF backs IS NULL THEN
        INSERT INTO ensue.log (namespace, position, id, time, kind, version, cause, root, data)
        SELECT of, head + each.place, each.id, moment, each.kind, format, each.cause, each.root, each.data
        FROM unnest(ids, kinds, causes, roots, datas) WITH ORDINALITY AS each (id, kind, cause, root, data, place);
    ELSE
        INSERT INTO ensue.log (namespace, position, id, time, kind, version, cause, root, data)
        SELECT
            of, head + each.place, each.id, moment, each.kind, format, each.cause, each.root,
            CASE
                WHEN each.back IS NULL THEN each.data
                ELSE each.data || convert_to((head + each.place - each.back)::text, 'UTF8') || each.rest
            END
        FROM unnest(ids, kinds, causes, roots, datas, backs, rests) WITH ORDINALITY
            AS each (id, kind, cause, root, data, back, rest, place);
    END IF;
END $$;
-- Open the work that such records created: a `place` counts from the head, a `due` of 0 is the moment itself.
-- What is `begun` is the worker's already.
CREATE FUNCTION ensue.put_work(
    of integer, head bigint, moment bigint,
    invocations uuid[], tasks text[], dues bigint[], places integer[], depths integer[], origins text[],
    begun boolean[], claimer text, lease bigint
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ensue.work (
        namespace, invocation, task, attempt, due, created, started, failures, crashes, depth, root, worker, lease_until
    )
    SELECT
        of, each.invocation, each.task, 1, CASE each.due WHEN 0 THEN moment ELSE each.due END, head + each.place,
        each.begun, 0, 0, each.depth, each.origin,
        CASE WHEN each.begun THEN claimer ELSE '' END, CASE WHEN each.begun THEN lease ELSE 0 END
    FROM unnest(invocations, tasks, dues, places, depths, origins, begun)
        AS each (invocation, task, due, place, depth, origin, begun);
END $$;
