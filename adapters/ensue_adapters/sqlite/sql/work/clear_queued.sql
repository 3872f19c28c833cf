-- Forget the number of unfinished invocations, before they are folded again.
DELETE FROM queued WHERE namespace = ?1;
