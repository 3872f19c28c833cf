"""Keeping query views fresh enough to answer from, also where no projector runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from os import getpid

from ensue.projector import Projector
from ensue_core.defaults import DEFAULTS, SECOND
from ensue_core.ports import Store
from ensue_core.records import Record
from ensue_projections.queries import PROJECTION, VERSION

Progress = Callable[[int, int], None]
"""Told how many records are folded, of how many."""

LAG_MAX = 1 * SECOND
"""How old the first record not folded may be where a projector is live; past that, a list folds it itself."""


async def fold_up(store: Store, progress: Progress | None = None) -> None:
    """Fold the query views up to the log's head as of now."""
    head = (await store.log.head()).position
    begin = at = await store.views.cursor(PROJECTION, VERSION)
    projector = Projector(store, store.clock, DEFAULTS, process=f"query:{getpid()}", gather_seconds=0)
    while at < head and await projector.page():
        at = at if projector.position is None else projector.position
        if progress is not None:
            progress(min(at, head) - begin, head - begin)


async def freshen(store: Store, progress: Progress | None = None) -> None:
    """Leave views that a live projector keeps up to date alone; fold them where none does."""
    at = await store.views.cursor(PROJECTION, VERSION)
    records = await store.log.read(at, 1)
    if not records:
        return
    if await store.leases.holders("projector/"):
        oldest = records[0].time
        if store.clock.now() - oldest < LAG_MAX:
            return
    await fold_up(store, progress)


async def unfolded(store: Store, at: int) -> AsyncIterator[Record]:
    """Yield the records past a position, up to the end of the log."""
    while records := await store.log.read(at, DEFAULTS.page_records_max):
        for record in records:
            yield record
        at = records[-1].position
