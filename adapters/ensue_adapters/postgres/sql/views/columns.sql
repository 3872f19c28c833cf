-- The columns of a view's table, but the namespace, in order, and their types.
SELECT attname::text, format_type(atttypid, NULL)
FROM pg_catalog.pg_attribute
WHERE attrelid = format('ensue.%I', :view::text)::regclass AND attnum > 1 AND NOT attisdropped
ORDER BY attnum;
