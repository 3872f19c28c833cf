"""A recorded history with something of everything, verification of a store, and changing what a log holds."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ensue.replay.verify import Verified, verify
from ensue.testing import Kit
from ensue.testing.conformance.drafts import event
from ensue_adapters.memory.space import Space
from ensue_adapters.memory.store import MemoryStore
from ensue_core.archive import Archive
from ensue_core.ports import Store
from ensue_core.topics import Batch
from tests.engine.kits import OpenKit
from tests.engine.test_rebuild import FEW, mixed, play


@asynccontextmanager
async def archive_of(store: Store) -> AsyncGenerator[Archive, None]:
    """Open a store's archive while the block runs."""
    archive = store.archive()
    await archive.open()
    try:
        yield archive
    finally:
        await archive.close()


async def verified(store: Store, page_records: int = 4_000) -> Verified:
    """Verify a store."""
    async with archive_of(store) as archive:
        return await verify(archive, page_records=page_records)


@asynccontextmanager
async def played(open_kit: OpenKit) -> AsyncGenerator[Kit, None]:
    """Open the program of test_rebuild.py on a store, with its history recorded and everybody at rest."""
    async with open_kit(mixed(), defaults=FEW) as t:
        await play(t)
        if open_kit.kind == "memory":
            await t.advance("20s")
        for after in (-1, 4):
            taken = (event("taken.in"), event("taken.in"))
            await t.engine.store.offsets.ingest([Batch("orders", 0, after, after + 5, taken)])
        await t.engine.triggers.pause_all()
        await t.settle()
        yield t


def space_of(store: Store) -> Space:
    """Return the space of a store in memory."""
    assert isinstance(store, MemoryStore)
    return store.space
