-- Empty the namespace's events, before they are folded again.
DELETE FROM events WHERE place BETWEEN ?1 << 40 AND (?1 + 1 << 40) - 1;
