-- Append what was judged elsewhere, one after another, and tell those who listen at the commit.
INSERT INTO ensue.log (namespace, position, id, time, kind, version, cause, root, data)
SELECT :namespace::integer, :after::bigint + each.place, each.id, each.time, each.kind, :format::smallint, each.cause, each.root, each.data
FROM unnest(:ids::uuid[], :times::bigint[], :kinds::text[], :causes::text[], :roots::text[], :datas::bytea[])
    WITH ORDINALITY AS each (id, time, kind, cause, root, data, place)
CROSS JOIN (SELECT ensue.hint(:namespace, :mine) OFFSET 0) AS told;
