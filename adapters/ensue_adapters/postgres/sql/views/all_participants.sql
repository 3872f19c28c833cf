-- All participants, row by row.
SELECT
    run, place, condition, kind, source, position, occurred
FROM ensue.participants WHERE namespace = :namespace;
