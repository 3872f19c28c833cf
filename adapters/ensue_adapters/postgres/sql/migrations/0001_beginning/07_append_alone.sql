-- Append records that change no view, in a transaction of its own: one statement from a client, one commit.
-- Returns NULLs, and has done nothing, where the intake must be drained first.
CREATE FUNCTION ensue.append_alone(
    of integer, now bigint, format smallint, channel text, ids uuid[], kinds text[], causes text[], roots text[],
    datas bytea[], OUT first bigint, OUT moment bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    entered record;
BEGIN
    SELECT * INTO entered FROM ensue.enter(of);
    IF entered.waiting THEN
        RETURN;
    END IF;
    first := entered.head + 1;
    moment := greatest(now, entered.moment);
    INSERT INTO ensue.log (namespace, position, id, time, kind, version, cause, root, data)
    SELECT of, entered.head + each.place, each.id, greatest(now, entered.moment), each.kind, format, each.cause, each.root, each.data
    FROM unnest(ids, kinds, causes, roots, datas) WITH ORDINALITY AS each (id, kind, cause, root, data, place);
    PERFORM pg_notify(channel, '');
END $$;
