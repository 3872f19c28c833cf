-- Empty the namespace's triggers, before they are folded again.
DELETE FROM triggers WHERE namespace = ?1;
