-- Move a partition's offset, and count.
INSERT INTO ensue.topics AS topics (namespace, topic, partition, through, events, repeats, parked, missed)
VALUES (:namespace, :topic, :partition, :through, :events, :repeats, :parked, :missed)
ON CONFLICT (namespace, topic, partition) DO UPDATE
SET through = excluded.through, events = topics.events + excluded.events, repeats = topics.repeats + excluded.repeats,
    parked = topics.parked + excluded.parked, missed = topics.missed + excluded.missed;
