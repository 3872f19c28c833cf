-- Empty the namespace's schedules, before they are folded again.
DELETE FROM schedules WHERE namespace = ?1;
