-- Begin attempts, as a whole transaction (migrations/0005_single_trips/04_start_work.sql).
SELECT won, head, moment FROM ensue.start_work(
    :namespace, :now, :format::smallint, :mine, :seen, :worker, :until,
    :invocations::uuid[], :attempts::integer[], :ids::uuid[], :roots::text[], :datas::bytea[]
);
