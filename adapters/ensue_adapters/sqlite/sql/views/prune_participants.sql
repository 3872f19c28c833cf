-- Remove some rows of a generation that is not live: (number, how many).
DELETE FROM participants WHERE (namespace, run, place) IN (
    SELECT namespace, run, place FROM participants WHERE namespace = ?1 LIMIT ?2
);
