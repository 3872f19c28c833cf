-- Empty the namespace's trigger_stats, before they are folded again.
DELETE FROM trigger_stats WHERE namespace = ?1;
