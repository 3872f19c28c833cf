-- Triggers as one JSON text: (namespace, service or NULL for all).
SELECT CAST('[' || group_concat(
    '{"service":' || json_quote(service) || ',"trigger":' || json_quote(trigger)
    || ',"version":' || json_quote(version) || ',"spec":' || spec || ',"state":' || json_quote(state)
    || ',"begins":' || begins || ',"own":' || coalesce(own, 'null') || ',"reason":' || json_quote(reason) || '}'
) || ']' AS BLOB)
FROM (
    SELECT * FROM triggers WHERE namespace = ?1 AND (?2 IS NULL OR service = ?2) ORDER BY service, trigger
);
