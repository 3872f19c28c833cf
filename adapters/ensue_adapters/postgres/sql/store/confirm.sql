-- Write something, so that the commit waits for what a commit waits for: what was read before is as safe then.
SELECT pg_logical_emit_message(true, 'ensue', '');
