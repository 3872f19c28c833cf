-- Empty the namespace's chains, before they are folded again.
DELETE FROM chains WHERE namespace = ?1;
