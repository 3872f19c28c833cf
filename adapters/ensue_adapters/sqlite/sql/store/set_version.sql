-- Say which schema this file has.
INSERT INTO meta (name, value) VALUES ('schema', ?1)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
