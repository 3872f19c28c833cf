-- Set rows aside that cannot enter the log.
INSERT INTO ensue.parked (namespace, number, reason, at, id, data, cause, root)
SELECT intake.namespace, intake.number, each.reason, :at, intake.id, intake.data, intake.cause, intake.root
FROM unnest(:numbers::bigint[], :reasons::text[]) AS each (number, reason)
JOIN ensue.intake ON intake.namespace = :namespace AND intake.number = each.number;
