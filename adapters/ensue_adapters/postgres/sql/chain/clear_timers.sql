-- Empty the namespace's timers, before they are folded again.
DELETE FROM ensue.timers WHERE namespace = :namespace;
