-- How many invocations are unfinished.
SELECT invocations FROM queued WHERE namespace = ?1;
