-- Empty the namespace's invocations, before they are folded again.
DELETE FROM ensue.invocations WHERE namespace = :namespace;
