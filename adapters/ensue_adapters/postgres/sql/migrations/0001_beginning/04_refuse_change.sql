-- Nobody changes or removes what was recorded, whatever their rights.
CREATE FUNCTION ensue.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: records are never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ensue.log
FOR EACH STATEMENT EXECUTE FUNCTION ensue.refuse_change();
