-- Chains, of one service or of all.
SELECT service, step, through, clock, version, tasks, paused FROM ensue.chains
WHERE namespace = :namespace AND (:service::text IS NULL OR service = :service) ORDER BY service;
