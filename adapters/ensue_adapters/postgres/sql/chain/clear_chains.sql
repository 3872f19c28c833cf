-- Empty the namespace's chains, before they are folded again.
DELETE FROM ensue.chains WHERE namespace = :namespace;
