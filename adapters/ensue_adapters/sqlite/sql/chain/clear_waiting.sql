-- Empty the namespace's waiting, before they are folded again.
DELETE FROM waiting WHERE namespace = ?1;
