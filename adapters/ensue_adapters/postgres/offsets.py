"""How far the partitions of topics were taken: a batch and its offset are one transaction.

Offsets change under the log lock alone, so that comparing one needs no lock of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from ensue_adapters.postgres.pages import positions_of, read_at
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.writer import Writer
from ensue_adapters.sql.ingesting import Outcome, Standing, lay_out
from ensue_core.rows import TopicRow
from ensue_core.topics import Batch, Offsets


class PostgresOffsets:
    """The namespace's offsets in a Postgres schema."""

    per_partition = False

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._namespace = writer.space.number

    async def rows(self, topic: str) -> Sequence[TopicRow]:
        """Return the partitions of a topic of which something was taken."""
        return await self._writer.read(lambda session: read_rows(session, self._namespace, topic))

    async def ingest(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Append each batch that begins where its partition's offset stands, and move the offset."""
        return await self._writer.run(lambda tx: _ingest(tx, batches))


_: type[Offsets] = PostgresOffsets


async def read_rows(session: Session, namespace: int, topic: str | None) -> list[TopicRow]:
    """Return the partitions of a topic, or of all."""
    return [TopicRow(*row) for row in await session.rows("topics/rows", namespace=namespace, topic=topic)]


async def _ingest(tx: Transaction, batches: Sequence[Batch]) -> list[Outcome]:
    await tx.enter()
    outcomes, drafts = lay_out(batches, await _standing(tx, batches))
    await tx.append(drafts)
    return outcomes


async def _standing(tx: Transaction, batches: Sequence[Batch]) -> Standing:
    topics = sorted({each.topic for each in batches})
    rows = await tx.session.rows("topics/throughs", namespace=tx.namespace, topics=topics)
    throughs = {(topic, partition): through for topic, partition, through in rows}
    ids = [draft.id for each in batches for draft in each.drafts if tx.careful or draft.repeatable]
    if not ids:
        return Standing(throughs)
    found = await positions_of(tx.session, tx.namespace, ids)
    stored = await read_at(tx.session, tx.namespace, found.values()) if found else {}
    return Standing(throughs, found, stored, tx.careful)
