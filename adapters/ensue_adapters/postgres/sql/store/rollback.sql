-- Undo.
ROLLBACK;
