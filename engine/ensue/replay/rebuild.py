"""Rebuilding views from the log while the engine runs: a generation beside the live one, compared, then switched.

The log is read through an archive, which cannot write; all that is written are rows of the new generation. Where this
is interrupted, the live generation is as it was, and the next rebuild goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import getpid
from socket import gethostname
from typing import cast

import msgspec

from ensue.projector import Projector
from ensue.replay.snapshots import OTHER_ROWS, Refused, Snapshot, Snapshots
from ensue.replay.verify import Compared, Live, Verified, look, verify
from ensue_core.archive import QUERY_TABLES, Archive
from ensue_core.defaults import DEFAULTS, Defaults
from ensue_core.errors import ReplayRunning, StoreError
from ensue_core.generations import Generation
from ensue_core.ports import Cursor, Log, RowKey, RowTable, Store, Views
from ensue_core.records import Record
from ensue_core.rows import ROW_TYPES, QueryRow
from ensue_projections.digests import Sum
from ensue_projections.queries import PROJECTION, VERSION

__all__ = ["Rebuilt", "rebuild_decisions", "rebuild_queries", "roll_back"]

PAGE = 4_000
"""Records whose rows are written in one transaction: those who emit meanwhile wait for one at a time."""

HOLD_SECONDS = 0.1
"""How long the live views stand still at most, while a switch is tried first; each further try doubles it."""

SWITCHES_MAX = 8
_LEASE = "replay/queries"
Progress = Callable[[int, int], None]


class Rebuilt(msgspec.Struct, frozen=True):
    """What came of a rebuild: up to where, how many records it folded, and each view against the one before.

    `pause_seconds` is how long the switch took; None where nothing had to be switched. `since` is the position of the
    snapshot that it started from, 0 for the log's beginning; `refused` are those that it could not use.
    """

    projection: str
    generation: int
    position: int
    records: int
    views: tuple[Compared, ...] = ()
    pause_seconds: float | None = None
    since: int = 0
    refused: tuple[Refused, ...] = ()

    @property
    def different(self) -> tuple[str, ...]:
        """The views that were not as the log says."""
        return tuple(each.view for each in self.views if each.verdict == "different")


async def rebuild_queries(
    store: Store,
    archive: Archive,
    progress: Progress | None = None,
    *,
    page_records: int = PAGE,
    defaults: Defaults = DEFAULTS,
    snapshots: Snapshots | None = None,
) -> Rebuilt:
    """Fold a new generation of the query views, compare it with the live one at one position, and make it live.

    With `snapshots` it starts from the newest one that fits. The one before is kept for `roll_back`; one that was kept
    is removed first. Goes on with a generation that was begun and not finished. Raises `ReplayRunning` where somebody
    else is at it.
    """
    lease = _Held(store, defaults)
    await lease.take()
    try:
        for each in await store.generations.all():
            if each.state == "kept" or (each.state == "beside" and not _has_begun(each)):
                await _remove(store, each, lease)
        generation, since, refused = await _begin(store, archive, snapshots, lease)
        fold = Beside(store, archive, store.generations.views(generation), page_records, defaults, lease, progress)
        begin = await fold.to(0)
        await fold.to((await _live(store)).position_or(await fold.head()))
        views = await _compare(store, archive, generation, fold)
        pause = await _switch(store, generation, fold)
        count = fold.position - begin
        return Rebuilt(PROJECTION, generation.number, fold.position, count, views, pause, since, refused)
    finally:
        await lease.give_up()


async def roll_back(
    store: Store, archive: Archive, progress: Progress | None = None, *, defaults: Defaults = DEFAULTS
) -> Rebuilt:
    """Make the kept generation live again, brought up to date first. Raises `StoreError` where none is kept."""
    lease = _Held(store, defaults)
    await lease.take()
    try:
        kept = next((each for each in await store.generations.all() if each.state == "kept"), None)
        if kept is None:
            raise StoreError("no earlier generation is kept: there is nothing to roll back to")
        if not _is_ours(kept):
            raise StoreError(
                "the kept generation was folded by another version of ensue: roll back with that one, or run "
                "`ensue replay`"
            )
        fold = Beside(store, archive, store.generations.views(kept), PAGE, defaults, lease, progress)
        begin = await fold.to(0)
        pause = await _switch(store, kept, fold)
        return Rebuilt(PROJECTION, kept.number, fold.position, fold.position - begin, (), pause)
    finally:
        await lease.give_up()


async def rebuild_decisions(
    store: Store, archive: Archive, progress: Progress | None = None
) -> tuple[Rebuilt, Verified]:
    """Fold the decision views in memory and compare; where one differs, fold them again into their tables.

    That takes one transaction, which decisions and appends wait for. Nothing is replaced where nothing differs.
    """
    before = await verify(archive, progress)
    views = tuple(each for each in before.views if each.view not in QUERY_TABLES)
    pause: float | None = None
    if any(each.verdict == "different" for each in views):
        began = store.clock.monotonic()
        await store.rebuild_decisions()
        pause = store.clock.monotonic() - began
    return Rebuilt("decisions", 0, before.position, before.records, views, pause), before


class Beside:
    """Folds the log into the rows of one generation. Is to a projector what a store is, but can write nothing else."""

    def __init__(
        self,
        store: Store,
        archive: Archive,
        views: Views,
        page_records: int,
        defaults: Defaults,
        lease: _Held | None,
        progress: Progress | None,
    ) -> None:
        self.views = views
        self.log = cast("Log", self)
        self.leases = store.leases
        self._archive, self._lease, self._progress = archive, lease, progress
        self._bound = 0
        self._page_records = page_records
        beside = cast("Store", self)
        self._projector = Projector(
            beside, store.clock, defaults, process="replay", gather_seconds=0, part_records=page_records
        )
        self.position = 0

    async def to(self, position: int | None) -> int:
        """Fold up to a position and no further (None: the log's end); return where that is."""
        head = await self.head()
        self._bound = head if position is None else position

        async def told() -> None:
            if self._lease is not None:
                await self._lease.keep()
            if self._progress is not None:
                self._progress(self._projector.position or 0, head)

        await told()
        await self._projector.pages(told)
        self.position = self._projector.position or 0
        return self.position

    async def head(self) -> int:
        """Return the log's end."""
        return (await self._archive.head()).position

    async def read(self, after: int, limit: int) -> Sequence[Record]:
        """Return records up to where it is to fold."""
        most = min(limit, self._page_records, self._bound - after)
        return (await self._archive.page(after, most)).records if most > 0 else []


class _Live(msgspec.Struct, frozen=True):
    generation: Generation

    def position_or(self, other: int) -> int:
        """Return how far the live views have folded; another position where nothing can be compared with them."""
        cursor = self.generation.cursor
        return cursor.position if cursor is not None and _is_ours(self.generation) else other


async def _live(store: Store) -> _Live:
    return _Live((await store.generations.all())[0])


async def _compare(store: Store, archive: Archive, generation: Generation, fold: Beside) -> tuple[Compared, ...]:
    """Compare the live rows with the new ones, both at the position where the live ones stand."""
    while True:
        async with archive.moment() as moment:
            live = await look(moment)
        at = live.cursor.position if live.cursor is not None else fold.position
        if at >= fold.position:
            break
        # A rebuild that was interrupted late may be ahead: bring the live views up to it.
        await Beside(store, archive, store.views, PAGE, DEFAULTS, None, None).to(fold.position)
    await fold.to(at)
    async with archive.moment(generation) as moment:
        new = await look(moment)
    return tuple(_compared(table, at, live, new) for table in QUERY_TABLES)


def _compared(table: RowTable, at: int, live: Live, new: Live) -> Compared:
    was, is_ = live.digests.get(table), new.digests[table]
    if was is None:
        return Compared(table, at, "not folded", None, is_)
    return Compared(table, at, "equal" if was == is_ else "different", was, is_)


async def _switch(store: Store, generation: Generation, fold: Beside) -> float:
    """Bring a generation up to the log's end and make it live; return for how long the live views stood still.

    They do so while the last records are folded: under load the new ones would never catch up otherwise.
    """
    seconds = HOLD_SECONDS
    for _ in range(SWITCHES_MAX):
        await fold.to(None)
        began = store.clock.monotonic()
        try:
            await store.generations.hold(seconds)
            await fold.to((await _live(store)).position_or(fold.position))
            if await store.generations.switch(generation):
                return store.clock.monotonic() - began
        except BaseException:
            await store.generations.hold(0)
            raise
        seconds *= 2
    raise StoreError(
        "the live views kept running ahead of the new ones: run `ensue replay` again, it goes on from here"
    )


async def _remove(store: Store, generation: Generation, lease: _Held) -> None:
    while not await store.generations.drop(generation):
        await lease.keep()


async def _begin(
    store: Store, archive: Archive, snapshots: Snapshots | None, lease: _Held
) -> tuple[Generation, int, tuple[Refused, ...]]:
    """Begin a generation, or go on with one; fill a new one from the newest snapshot that holds what it says."""
    generation = await store.generations.begin()
    refused: list[Refused] = []
    upto: int | None = None
    while snapshots is not None and generation.cursor is None:
        found, more = await snapshots.newest(archive, upto)
        refused += [each for each in more if each not in refused]
        if found is None:
            break
        if await _fill(store.generations.views(generation), found, lease):
            return generation, found.header.position, tuple(refused)
        refused.append(Refused(str(found.path), OTHER_ROWS))
        upto = found.header.position - 1
        await _remove(store, generation, lease)
        generation = await store.generations.begin()
    return generation, 0, tuple(refused)


async def _fill(views: Views, found: Snapshot, lease: _Held) -> bool:
    """Fill a new generation with a snapshot's rows; its cursor moves once they are all there, and are what it says."""
    await views.cursor(PROJECTION, VERSION)
    beginning = Cursor(PROJECTION, VERSION, 0)
    totals = {table: Sum(table) for table in QUERY_TABLES}
    async for name, rows in found.rows():
        table: RowTable | None = next((each for each in QUERY_TABLES if each == name), None)
        if table is not None:
            totals[table].add(rows)
            keys = ROW_TYPES[table][1]
            keyed: dict[RowTable, Mapping[RowKey, QueryRow]] = {
                table: {tuple(getattr(row, each) for each in keys): cast("QueryRow", row) for row in rows}
            }
            await views.project(beginning, keyed, 0)
            await lease.keep()
    if any(total.digest() != found.header.digests[table] for table, total in totals.items()):
        return False
    await views.project(beginning, {}, found.header.position)
    return True


def _has_begun(generation: Generation) -> bool:
    """Whether a rebuild can go on with a generation: one without a position may be half filled from a snapshot."""
    return _is_ours(generation) and generation.cursor is not None and generation.cursor.position > 0


def _is_ours(generation: Generation) -> bool:
    cursor = generation.cursor
    return cursor is None or (cursor.projection, cursor.version) == (PROJECTION, VERSION)


class _Held:
    """The lease that keeps two rebuilds apart. It saves work: the cursors keep the truth."""

    def __init__(self, store: Store, defaults: Defaults) -> None:
        self._store, self._seconds = store, defaults.lease_seconds
        self._holder = f"{gethostname()}:{getpid()}"
        self._since = 0.0

    async def take(self) -> None:
        """Take it, or raise `ReplayRunning`."""
        if not await self._store.leases.hold(_LEASE, self._holder, "", self._seconds):
            holders = await self._store.leases.holders(_LEASE)
            raise ReplayRunning(holders[0][1] if holders else "another process")
        self._since = self._store.clock.monotonic()

    async def keep(self) -> None:
        """Renew it when it is time."""
        if self._store.clock.monotonic() - self._since > self._seconds / 3:
            await self.take()

    async def give_up(self) -> None:
        """Let others have it."""
        await self._store.leases.release(_LEASE, self._holder)
