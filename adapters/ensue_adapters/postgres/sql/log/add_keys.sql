-- Remember for ever where ids stand that may come again.
INSERT INTO ensue.keys (namespace, id, position)
SELECT :namespace, each.id, each.position FROM unnest(:ids::uuid[], :positions::bigint[]) AS each (id, position)
ON CONFLICT (namespace, id) DO NOTHING;
