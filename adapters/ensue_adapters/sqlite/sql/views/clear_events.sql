-- Empty the namespace's events, before they are folded again.
DELETE FROM events WHERE namespace = ?1;
