-- One of the settings of a connection: a pooler may have dropped them all.
SELECT current_setting('lock_timeout');
