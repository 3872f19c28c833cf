"""How far the partitions of topics were taken: a batch and its offset are one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ensue_adapters.sql.ingesting import Outcome, Standing, lay_out
from ensue_adapters.sqlite.pages import read_at
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader
from ensue_adapters.sqlite.repeats import positions_of
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.transaction import Transaction
from ensue_adapters.sqlite.writer import Writer
from ensue_core.rows import TopicRow
from ensue_core.topics import Batch, Offsets


class SQLiteOffsets:
    """The namespace's offsets in a SQLite file."""

    per_partition = False

    def __init__(self, writer: Writer, reader: Reader, places: Places) -> None:
        self._writer = writer
        self._reader = reader
        self._places = places

    async def rows(self, topic: str) -> Sequence[TopicRow]:
        """Return the partitions of a topic of which something was taken."""
        namespace = self._places.namespace
        return await self._reader.run(lambda connection: read_rows(connection, namespace, topic))

    async def ingest(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Append each batch that begins where its partition's offset stands, and move the offset."""
        return await self._writer.run(lambda tx: _ingest(tx, batches))


_: type[Offsets] = SQLiteOffsets


def read_rows(connection: sqlite3.Connection, namespace: int, topic: str | None) -> list[TopicRow]:
    """Return the partitions of a topic, or of all."""
    return [TopicRow(*row) for row in connection.execute(sql("topics/rows"), (namespace, topic))]


def _ingest(tx: Transaction, batches: Sequence[Batch]) -> list[Outcome]:
    outcomes, drafts = lay_out(batches, _standing(tx, batches))
    tx.append(drafts)
    return outcomes


def _standing(tx: Transaction, batches: Sequence[Batch]) -> Standing:
    rows = [row for topic in {each.topic for each in batches} for row in read_rows(tx.connection, tx.namespace, topic)]
    throughs = {(row.topic, row.partition): row.through for row in rows}
    ids = [draft.id for each in batches for draft in each.drafts if draft.repeatable]
    if not ids:
        return Standing(throughs)
    found = positions_of(tx.connection, tx.places, ids)
    return Standing(throughs, found, read_at(tx.connection, tx.places, found.values()) if found else {})
