-- Append ends, as a whole transaction (migrations/0005_single_trips/05_finish_work.sql).
SELECT head, moment FROM ensue.finish_work(
    :namespace, :now, :format::smallint, :mine, :seen, :invocations::uuid[], :attempts::integer[],
    :ids::uuid[], :kinds::text[], :causes::text[], :roots::text[], :datas::bytea[],
    :ended::uuid[], :again::uuid[], :next_attempts::integer[], :dues::bigint[], :failures::integer[],
    :crashes::integer[]
);
