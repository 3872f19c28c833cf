-- Say which schema this file has.
INSERT INTO meta (name, value) VALUES ('schema', ?1);
