-- Where this schema stands: the server as it runs now, the database, the schema. Two connections that get the same
-- answer write the same tables, whatever addresses and poolers they go through; a copy of the database elsewhere
-- answers something else. The answer changes when the server starts again: who keeps it asks again then.
CREATE FUNCTION ensue.place() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT extract(epoch FROM pg_postmaster_start_time()) || '/' || current_database() || '/' || 'ensue.log'::regclass::oid
$$;
