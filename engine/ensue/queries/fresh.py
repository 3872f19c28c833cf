"""Keeping query views fresh enough to answer from, also where no projector runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from os import getpid

from ensue.projector import Projector
from ensue_core.defaults import DEFAULTS
from ensue_core.ports import Store
from ensue_core.records import Record
from ensue_projections.queries import PROJECTION, VERSION

Progress = Callable[[int, int], None]
"""Told how many records are folded, of how many."""

BEHIND_MAX = 10_000
"""A list folds up to this many records itself, so that it shows what its caller has just done; where more are
missing and a projector is live, they are the projector's."""


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
    """Fold the views up to date, unless far too much is missing and a live projector is at it."""
    at = await store.views.cursor(PROJECTION, VERSION)
    behind = (await store.log.head()).position - at
    if behind <= 0:
        return
    if behind > BEHIND_MAX and await store.leases.holders("projector/"):
        return
    await fold_up(store, progress)


async def unfolded(store: Store, at: int) -> AsyncIterator[Record]:
    """Yield the records past a position, up to the end of the log."""
    while records := await store.log.read(at, DEFAULTS.page_records_max):
        for record in records:
            yield record
        at = records[-1].position
