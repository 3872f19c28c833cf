-- The same, in the projection's turn.
SELECT version, position FROM ensue.cursors WHERE namespace = :namespace AND projection = :projection FOR UPDATE;
