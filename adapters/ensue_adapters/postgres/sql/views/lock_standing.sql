-- Let one at a time change which generation is live.
SELECT live, kept, beside FROM ensue.generations WHERE namespace = :namespace FOR UPDATE;
