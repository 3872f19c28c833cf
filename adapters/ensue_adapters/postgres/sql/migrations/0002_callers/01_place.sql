-- Where this schema stands: the cluster, the database, the schema. Two connections that get the same answer write the
-- same tables, whatever addresses and poolers they go through; a copy of the database answers something else.
CREATE FUNCTION ensue.place() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(
        '.', control.system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()),
        'ensue.log'::regclass::oid
    )
    FROM pg_control_system() AS control
$$;
