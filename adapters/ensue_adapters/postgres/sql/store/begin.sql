-- Every transaction of ours: each statement sees what was committed before it.
BEGIN ISOLATION LEVEL READ COMMITTED;
