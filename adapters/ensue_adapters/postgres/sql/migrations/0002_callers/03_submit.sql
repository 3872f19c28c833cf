-- Submit a task inside the caller's transaction, from any language. `arguments` is a JSON object by parameter name.
-- Returns the invocation's id, NULL for one with a key.
DROP FUNCTION ensue.submit(text, text, text, text);
CREATE FUNCTION ensue.submit(
    app_id text, task text, arguments text DEFAULT '{}', key text DEFAULT NULL, correlation text DEFAULT NULL,
    causation text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid;
BEGIN
    IF coalesce(task, '') = '' THEN
        RAISE EXCEPTION 'name the task, such as shop.pay' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF json_typeof(arguments::json) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'arguments of % must be a JSON object by parameter name', task
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(arguments) > 262144 THEN
        RAISE EXCEPTION 'arguments of % have % bytes, more than 262144: store them elsewhere and pass a reference',
            task, octet_length(arguments) USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF key IS NULL THEN
        id := ensue.new_id();
    END IF;
    PERFORM ensue.take_in(
        app_id,
        ARRAY[id],
        ARRAY[convert_to(
            '{"fact":"InvocationCreated","task":' || to_json(task) || ',"arguments":' || arguments
            || coalesce(',"key":' || to_json(key), '')
            || coalesce(',"correlation":' || to_json(correlation), '') || '}',
            'UTF8'
        )],
        ARRAY[causation],
        ARRAY[correlation],
        ARRAY[key IS NOT NULL]
    );
    RETURN id;
END $$;
