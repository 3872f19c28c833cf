-- A run's participants in order.
SELECT
    participants.run, participants.place, participants.condition, participants.kind, participants.source,
    participants.position, participants.occurred
FROM ensue.participants WHERE namespace = :namespace AND run = :run ORDER BY place;
