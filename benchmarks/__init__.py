"""How fast the engine is on SQLite, beside what Python's sqlite3 does bare in the same run.

    make bench                              # everything, a few minutes
    make bench ARGS="--quick"               # a short run of everything: it shows that it works, not how fast
    make bench ARGS="emit reactions"        # some measures

One module a measure; each runs in a process of its own on a new file. `README.md` has the figures of a real run.
"""

MEASURES = ("latency", "burst", "idle", "polls", "emit", "folds", "replays", "reactions", "growth")
"""The measures, each a module with `async def measure(run: Run) -> list[Figure]`."""
