-- Empty the namespace's invocations, before they are folded again.
DELETE FROM invocations WHERE place BETWEEN ?1 << 40 AND (?1 + 1 << 40) - 1;
