-- All participants, row by row: (namespace).
SELECT
    run, place, condition, kind, source, position, occurred
FROM participants WHERE namespace = ?1;
