-- Participants by key.
SELECT
    participants.run, participants.place, participants.condition, participants.kind, participants.source,
    participants.position, participants.occurred
FROM unnest(:run::uuid[], :place::integer[]) AS wanted (run, place)
JOIN ensue.participants ON participants.namespace = :namespace AND participants.run = wanted.run AND participants.place = wanted.place;
