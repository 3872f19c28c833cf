-- A transaction of an archive: it sees one moment, may write nothing, and may take its time between pages.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout = '10min';
SET LOCAL lock_timeout = '20s';
SET LOCAL idle_in_transaction_session_timeout = '10min';
SET LOCAL jit = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
