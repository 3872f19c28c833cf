-- The same where a pooler shares connections: what would be settings of the connection is set here.
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = '30s';
SET LOCAL lock_timeout = '20s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL jit = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
