-- Emit an event inside the caller's transaction, from any language: it is there when the transaction commits,
-- and never was where it rolls back. `payload` is JSON text, kept byte for byte. Returns the event's id, NULL
-- for one with a key (its id derives from the key, when the event enters the log).
CREATE FUNCTION ensue.emit(
    app_id text, code text, payload text DEFAULT '{}', key text DEFAULT NULL, correlation text DEFAULT NULL,
    causation text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid;
BEGIN
    IF coalesce(code, '') = '' THEN
        RAISE EXCEPTION 'an event needs a code, such as order.paid' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM payload::json;
    IF octet_length(payload) > 262144 THEN
        RAISE EXCEPTION 'payload of % has % bytes, more than 262144: store it elsewhere and pass a reference',
            code, octet_length(payload) USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF key IS NULL THEN
        id := ensue.new_id();
    END IF;
    PERFORM ensue.take_in(
        app_id,
        ARRAY[id],
        ARRAY[convert_to(
            '{"fact":"EventEmitted","code":' || to_json(code) || ',"payload":' || coalesce(payload, 'null')
            || coalesce(',"key":' || to_json(key), '')
            || coalesce(',"correlation":' || to_json(correlation), '')
            || coalesce(',"causation":' || to_json(causation), '') || '}',
            'UTF8'
        )],
        ARRAY[causation],
        ARRAY[correlation],
        ARRAY[key IS NOT NULL]
    );
    RETURN id;
END $$;
