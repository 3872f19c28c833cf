-- Append one event, as a whole transaction (migrations/0005_single_trips/02_append.sql).
SELECT head, moment FROM ensue.append_one(
    :namespace, :now, :format::smallint, :mine, :seen, :id::uuid, :kind, :cause, :root, :data::bytea
);
