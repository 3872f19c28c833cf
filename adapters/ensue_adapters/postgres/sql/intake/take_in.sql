-- Put facts into the intake, inside the caller's transaction.
SELECT ensue.take_in(
    :name, :ids::uuid[], :datas::bytea[], :causes::text[], :roots::text[], :repeatables::boolean[]
);
