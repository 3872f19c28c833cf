-- Waiting matches, of one service or of all, oldest first.
SELECT match, service, trigger, condition, key, kind, source, position, index, occurred, deadline FROM ensue.waiting
WHERE namespace = :namespace AND (:service::text IS NULL OR service = :service)
ORDER BY position, index, match;
