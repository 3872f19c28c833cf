-- A transaction whose statements all see one moment; questions of people are planned for what they ask.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout = '30s';
SET LOCAL lock_timeout = '20s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL jit = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL plan_cache_mode = force_custom_plan;
