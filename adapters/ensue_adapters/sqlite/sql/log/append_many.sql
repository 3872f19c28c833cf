-- Append many records of one moment as one statement, so that other threads of Python run meanwhile:
-- (first place, the ids' bytes, time, version, the data's bytes, JSON of [[kind, cause, root, offset, length]]).
INSERT INTO log (place, id, time, kind, version, cause, root, data)
SELECT
    ?1 + key,
    substr(?2, 1 + key * 16, 16),
    ?3,
    json_extract(value, '$[0]'),
    ?4,
    json_extract(value, '$[1]'),
    json_extract(value, '$[2]'),
    substr(?5, json_extract(value, '$[3]'), json_extract(value, '$[4]'))
FROM json_each(?6);
