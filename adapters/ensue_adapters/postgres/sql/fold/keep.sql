-- Keep what became of envelopes, and tell those who listen; of a copy nothing.
INSERT INTO ensue.verdicts (namespace, envelope, time, verdicts)
SELECT :namespace::integer, each.envelope, each.time, each.verdicts
FROM unnest(:envelopes::uuid[], :times::bigint[], :verdicts::text[]) AS each (envelope, time, verdicts)
CROSS JOIN (SELECT ensue.hint(:namespace, :mine) OFFSET 0) AS told
ON CONFLICT (namespace, envelope) DO NOTHING;
