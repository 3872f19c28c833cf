-- Empty the namespace's runs, before they are folded again.
DELETE FROM ensue.runs WHERE namespace = :namespace;
