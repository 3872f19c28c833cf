-- Empty the namespace's trigger_stats, before they are folded again.
DELETE FROM ensue.trigger_stats WHERE namespace = :namespace;
