-- The log as people read it: SELECT * FROM ensue.facts WHERE namespace = 'default' ORDER BY position DESC LIMIT 20.
CREATE VIEW ensue.facts AS
SELECT
    namespaces.name AS namespace,
    log.position,
    replace(log.id::text, '-', '') AS id,
    timestamptz 'epoch' + log.time * interval '1 microsecond' AS time,
    log.kind,
    log.cause,
    coalesce(log.root, replace(log.id::text, '-', '')) AS root,
    convert_from(log.data, 'UTF8') AS data
FROM ensue.log JOIN ensue.namespaces ON namespaces.number = log.namespace;
