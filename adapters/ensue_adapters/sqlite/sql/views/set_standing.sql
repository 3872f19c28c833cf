-- Say which generations there are: (namespace, JSON).
INSERT INTO meta (name, value) VALUES ('generations/' || ?1, ?2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
