-- Empty the namespace's offsets, before they are folded again.
DELETE FROM topics WHERE namespace = ?1;
