-- Append records and open the work they create, as a whole transaction (migrations/0005_single_trips/02_append.sql).
SELECT head, moment FROM ensue.append(
    :namespace, :now, :format::smallint, :mine, :seen,
    :ids::uuid[], :kinds::text[], :causes::text[], :roots::text[], :datas::bytea[],
    :invocations::uuid[], :tasks::text[], :dues::bigint[], :places::integer[], :depths::integer[],
    :origins::text[], :begun::boolean[]
);
