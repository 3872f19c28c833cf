-- The first position whose log time is at least `moment`: log time never decreases with position, so a few
-- steps of bisection do, and no index on time.
CREATE FUNCTION ensue.position_at(of integer, moment bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint;
    high bigint;
    middle bigint;
    found bigint;
BEGIN
    SELECT position INTO low FROM ensue.log WHERE namespace = of ORDER BY position LIMIT 1;
    SELECT position + 1 INTO high FROM ensue.log WHERE namespace = of ORDER BY position DESC LIMIT 1;
    IF low IS NULL THEN
        RETURN 1;
    END IF;
    WHILE low < high LOOP
        middle := (low + high) / 2;
        SELECT time INTO found FROM ensue.log WHERE namespace = of AND position = middle;
        IF found < moment THEN
            low := middle + 1;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN low;
END $$;
