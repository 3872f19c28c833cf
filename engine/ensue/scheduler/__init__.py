"""The scheduler: reads the log, asks user code, pairs matches, and commits Steps."""
