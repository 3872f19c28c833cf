-- The log as people read it: SELECT * FROM facts ORDER BY position DESC LIMIT 20.
CREATE VIEW facts AS
SELECT
    namespaces.name AS namespace,
    log.position,
    lower(hex(log.id)) AS id,
    strftime('%Y-%m-%dT%H:%M:%S', log.time / 1000000, 'unixepoch')
        || printf('.%06dZ', log.time % 1000000) AS time,
    log.kind,
    log.cause,
    coalesce(log.root, lower(hex(log.id))) AS root,
    CAST(log.data AS TEXT) AS data
FROM log JOIN namespaces ON namespaces.id = log.namespace;
