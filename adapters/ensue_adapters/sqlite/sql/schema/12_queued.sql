-- How many invocations are unfinished: the number of rows in work, without counting them.
CREATE TABLE queued (
    namespace INTEGER PRIMARY KEY,
    invocations INTEGER NOT NULL
) STRICT;
