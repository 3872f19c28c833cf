-- Empty the namespace's invocations, before they are folded again.
DELETE FROM invocations WHERE namespace = ?1;
