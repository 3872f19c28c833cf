-- Commit a Step, as a whole transaction (migrations/0005_single_trips/03_commit_step.sql).
SELECT verdict, head, moment FROM ensue.commit_step(
    :namespace, :service, :follows::uuid, :read, :clock, :step::uuid, :through, :now, :format::smallint, :mine, :seen,
    :ids::uuid[], :kinds::text[], :causes::text[], :roots::text[], :datas::bytea[], :backs::integer[], :rests::bytea[],
    :invocations::uuid[], :tasks::text[], :dues::bigint[], :places::integer[], :depths::integer[],
    :origins::text[], :begun::boolean[], :worker, :until
);
