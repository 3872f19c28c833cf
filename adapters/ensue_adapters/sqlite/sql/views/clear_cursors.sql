-- Forget how far projections have come.
DELETE FROM cursors WHERE namespace = ?1;
