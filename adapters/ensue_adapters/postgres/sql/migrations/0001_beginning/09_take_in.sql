-- Put facts into the intake, inside the caller's transaction: what every way of emitting within one comes to.
CREATE FUNCTION ensue.take_in(
    app_id text, ids uuid[], datas bytea[], causes text[], roots text[], repeatables boolean[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    of integer;
BEGIN
    SELECT number INTO of FROM ensue.namespaces WHERE name = app_id;
    IF of IS NULL THEN
        RAISE EXCEPTION 'there is no namespace % yet: open an engine with this app_id once', quote_literal(app_id)
        USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO ensue.intake (namespace, id, data, cause, root, repeatable)
    SELECT of, each.id, each.data, each.cause, each.root, each.repeatable
    FROM unnest(ids, datas, causes, roots, repeatables) WITH ORDINALITY
        AS each (id, data, cause, root, repeatable, place)
    ORDER BY each.place;
END $$;
-- A fresh UUIDv7: ids with time first keep indexes growing at one end.
CREATE FUNCTION ensue.new_id() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(
        set_bit(set_bit(overlay(
            uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6
        ), 52, 1), 53, 1), 'hex'
    )::uuid
$$;
