-- Take in what an engine emits and submits on a connection of its user. `drafts` is a JSON array of objects: `id`,
-- `data` (the fact's bytes in base64), `cause`, `root`, `repeatable`; as one text it passes every driver unchanged.
-- Returns the log's last position: the drafts will stand past it. Returns NULL, and has done nothing, where `place` is
-- not the one of this schema: the connection leads elsewhere than the engine.
CREATE FUNCTION ensue.hand_over(place text, app_id text, drafts text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head bigint;
BEGIN
    IF place IS DISTINCT FROM ensue.place() THEN
        RETURN NULL;
    END IF;
    PERFORM ensue.take_in(
        app_id,
        array_agg(each.id ORDER BY each.place),
        array_agg(decode(each.data, 'base64') ORDER BY each.place),
        array_agg(each.cause ORDER BY each.place),
        array_agg(each.root ORDER BY each.place),
        array_agg(each.repeatable ORDER BY each.place)
    )
    FROM ROWS FROM (
        json_to_recordset(drafts::json) AS (id uuid, data text, cause text, root text, repeatable boolean)
    ) WITH ORDINALITY AS each (id, data, cause, root, repeatable, place);
    SELECT log.position INTO head FROM ensue.log
    WHERE log.namespace = (SELECT number FROM ensue.namespaces WHERE name = app_id)
    ORDER BY log.position DESC LIMIT 1;
    RETURN coalesce(head, 0);
END $$;
