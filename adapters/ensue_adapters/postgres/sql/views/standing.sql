-- The generations of a namespace's query views.
SELECT live, kept, beside FROM ensue.generations WHERE namespace = :namespace;
