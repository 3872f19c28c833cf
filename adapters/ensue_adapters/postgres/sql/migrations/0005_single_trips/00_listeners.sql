-- Who listens, each on a channel of its own, so that nobody is woken by commits of its own. Soft state: a row too
-- many costs a notice that nobody hears, a row too few makes its owner wait for its next look.
CREATE UNLOGGED TABLE ensue.listeners (
    namespace integer NOT NULL,
    channel text COLLATE "C" NOT NULL,
    pid integer NOT NULL,
    PRIMARY KEY (namespace, channel)
) WITH (fillfactor = 50);
-- Every commit looks here, whatever was granted before there was this table; it says nothing of what is stored.
GRANT SELECT ON ensue.listeners TO PUBLIC;
-- Say that this session listens there; forget those whose session is gone.
CREATE FUNCTION ensue.listen(of integer, mine text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM ensue.listeners
    WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pg_stat_activity.pid = listeners.pid);
    INSERT INTO ensue.listeners VALUES (of, mine, pg_backend_pid())
    ON CONFLICT (namespace, channel) DO UPDATE SET pid = excluded.pid WHERE listeners.pid <> excluded.pid;
END $$;
-- Say that nobody listens there any more.
CREATE FUNCTION ensue.unlisten(of integer, mine text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM ensue.listeners WHERE namespace = of AND channel = mine;
END $$;
-- Tell everybody else who listens, at the commit.
CREATE FUNCTION ensue.hint(of integer, mine text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(listeners.channel, '') FROM ensue.listeners
    WHERE listeners.namespace = of AND listeners.channel <> mine;
END $$;
