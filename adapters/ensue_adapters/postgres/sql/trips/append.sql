-- Append records that change no view, as a whole transaction (migrations/0005_single_trips/02_append.sql).
SELECT head, moment FROM ensue.append(
    :namespace, :now, :format::smallint, :mine, :seen,
    :ids::uuid[], :kinds::text[], :causes::text[], :roots::text[], :datas::bytea[]
);
