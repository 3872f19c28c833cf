"""The store for many hosts: one Postgres schema, any number of processes.

    store = open_store("postgresql://ensue:secret@db.example.com/ensue?schema=ensue", "default", SYSTEM_CLOCK)
    await store.open()

The pieces, in the order a write meets them: `store` (what the engine sees), `log`, `decisions`, `work`,
`leases` and `views` (the ports), `appender` (group commit), `writer` (transactions, in tasks of our own),
`transaction`, `intake` and `folding` (the log lock, the outbox, records and decision views in one transaction),
`listener` (the hint between processes) and `connections`. `schema` makes and upgrades what they stand on.
"""

from ensue_adapters.postgres.store import PostgresStore, open_store

__all__ = ["PostgresStore", "open_store"]
