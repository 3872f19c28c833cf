-- Append records that change no view, as a whole transaction (migrations/0001_beginning/07_append_alone.sql).
SELECT first, moment FROM ensue.append_alone(
    :namespace, :now, :format::smallint, :channel, :ids::uuid[], :kinds::text[], :causes::text[], :roots::text[],
    :datas::bytea[]
);
