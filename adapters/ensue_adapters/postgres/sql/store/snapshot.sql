-- A transaction whose statements all see one moment.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
