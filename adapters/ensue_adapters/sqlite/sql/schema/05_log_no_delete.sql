-- Nobody removes what was recorded.
CREATE TRIGGER log_no_delete BEFORE DELETE ON log
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: records are never deleted');
END;
