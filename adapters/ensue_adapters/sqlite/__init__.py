"""The embedded store: one SQLite file, any number of processes on one machine.

    store = open_store("sqlite:///news.db", "default", SYSTEM_CLOCK)
    await store.open()

The pieces, in the order a write meets them: `store` (what the engine sees), `log`, `decisions`, `work`,
`leases` and `views` (the ports), `writer` (one thread, group commit), `turn` (whose turn it is among
processes), `transaction` and `folding` (records and decision views in one transaction), `wake` (the hint to
other processes), `watch` and `tail` (what waits, and what was just written).
"""

from ensue_adapters.sqlite.store import SQLiteStore, open_store

__all__ = ["SQLiteStore", "open_store"]
