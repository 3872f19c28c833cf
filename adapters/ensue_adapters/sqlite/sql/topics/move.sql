-- Move a partition's offset: (namespace, topic, partition, through, events, repeats, parked, missed).
INSERT INTO topics (namespace, topic, partition, through, events, repeats, parked, missed)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (namespace, topic, partition) DO UPDATE
SET through = excluded.through, events = events + excluded.events, repeats = repeats + excluded.repeats,
    parked = parked + excluded.parked, missed = missed + excluded.missed;
