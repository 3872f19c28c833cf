-- Empty the namespace's runs, before they are folded again.
DELETE FROM runs WHERE namespace = ?1;
