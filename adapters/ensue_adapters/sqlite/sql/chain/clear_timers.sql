-- Empty the namespace's timers, before they are folded again.
DELETE FROM timers WHERE namespace = ?1;
