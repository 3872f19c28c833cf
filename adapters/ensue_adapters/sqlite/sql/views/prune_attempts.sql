-- Remove some rows of a generation that is not live: (number, how many).
DELETE FROM attempts WHERE (namespace, invocation, attempt) IN (
    SELECT namespace, invocation, attempt FROM attempts WHERE namespace = ?1 LIMIT ?2
);
