-- Forget how far projections have come.
DELETE FROM ensue.cursors WHERE namespace = :namespace;
