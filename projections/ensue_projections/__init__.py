"""Pure folds of records into rows: no clock, no I/O, no random, no user code."""
