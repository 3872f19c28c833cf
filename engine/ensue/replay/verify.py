"""Verification: the log checked, folded again in memory, and compared with the views that are live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from ensue_core.archive import DECISION_TABLES, QUERY_TABLES, Archive, Moment, Table
from ensue_core.ports import Cursor, Head
from ensue_projections.digests import Digest, Sum
from ensue_projections.queries import PROJECTION, VERSION
from ensue_projections.soundness import Flaw
from ensue_projections.whole import WholeFold

__all__ = ["Compared", "Verified", "verify"]

PAGE = 4_000
Progress = Callable[[int, int], None]
"""Told how many records are folded, of how many."""

Verdict = Literal["equal", "different", "not folded"]


class Compared(msgspec.Struct, frozen=True):
    """One view: as it is live, and as the log says, both at one position.

    "not folded": the live view has never been folded, or by another version of its fold.
    """

    view: str
    position: int
    verdict: Verdict
    live: Digest | None
    folded: Digest


class Verified(msgspec.Struct, frozen=True):
    """What came of a verification of the log up to `position`.

    `flaws` are what is wrong with the log itself, the first of `flaws_count`. `since` is the position of the snapshot
    that it started from, 0 for the whole log.
    """

    namespace: str
    position: int
    records: int
    steps: int
    runs: int
    views: tuple[Compared, ...]
    flaws: tuple[Flaw, ...] = ()
    flaws_count: int = 0
    since: int = 0

    @property
    def well(self) -> bool:
        """Whether the log is sound and no view differs from it."""
        return not self.flaws_count and all(each.verdict != "different" for each in self.views)


class Live(msgspec.Struct, frozen=True):
    """The live views at one moment, as digests. `cursor` of None: query views that nothing can be compared with."""

    head: Head
    cursor: Cursor | None
    digests: dict[Table, Digest]


async def verify(
    archive: Archive,
    progress: Progress | None = None,
    *,
    page_records: int = PAGE,
    start: Callable[[int], Awaitable[WholeFold | None]] | None = None,
) -> Verified:
    """Check and fold the log up to its end as of now, and compare every view; writes nothing.

    `start` may give a fold that stands at or before a position, from a snapshot. Takes memory for what is open:
    unfinished invocations, waiting matches, triggers. Raises `StoreError` where the log has a newer format or a record
    cannot be read.
    """
    async with archive.moment() as moment:
        live = await look(moment)
    upto = live.head.position if live.cursor is None else min(live.cursor.position, live.head.position)
    fold = None if start is None else await start(upto)
    return await compare(archive, fold or WholeFold(archive.namespace), live, progress, page_records)


async def compare(
    archive: Archive, fold: WholeFold, live: Live, progress: Progress | None, page_records: int = PAGE
) -> Verified:
    """Fold on, from wherever `fold` stands, up to where the live views stood, and compare."""
    begin, head = fold.position, live.head.position
    cursor = live.cursor.position if live.cursor is not None else head
    await fold_to(archive, fold, min(cursor, head), page_records, progress, head)
    queries = fold.queries.digests()
    await fold_to(archive, fold, head, page_records, progress, head, queries=False)
    fold.sound.end(cursor)
    views = [_compared(table, cursor, live, queries[table]) for table in QUERY_TABLES]
    decisions = fold.decisions()
    views += [_compared(table, head, live, decisions[table]) for table in DECISION_TABLES]
    sound = fold.sound
    return Verified(
        archive.namespace, head, fold.position - begin, sound.steps, sound.runs, tuple(views),
        tuple(sound.flaws), sound.count, begin,
    )  # fmt: skip


async def look(moment: Moment) -> Live:
    """Return what the live views come down to."""
    cursor = moment.cursor
    if cursor is not None and (cursor.projection, cursor.version) != (PROJECTION, VERSION):
        cursor = None
    digests: dict[Table, Digest] = {}
    for name in QUERY_TABLES if cursor is not None else ():
        total = Sum(name)
        async for values in moment.values(name):
            total.add_values(values)
        digests[name] = total.digest()
    for table in DECISION_TABLES:
        total = Sum(table)
        async for rows in moment.rows(table):
            total.add(rows)
        digests[table] = total.digest()
    return Live(moment.head, cursor, digests)


async def fold_to(
    archive: Archive,
    fold: WholeFold,
    position: int,
    page_records: int,
    progress: Progress | None,
    total: int,
    *,
    queries: bool = True,
) -> None:
    """Fold up to a position and no further; records that are missing are flaws, and the rest is folded on."""
    while fold.position < position:
        page = await archive.page(fold.position, min(page_records, position - fold.position))
        count = next((at for at, each in enumerate(page.records) if each.position > position), len(page.records))
        if not count:
            return
        fold.page(page.records[:count], page.data[:count], queries=queries)
        await _look_up(archive, fold)
        if progress is not None:
            progress(fold.position, total)


async def _look_up(archive: Archive, fold: WholeFold) -> None:
    """Check what decisions say of records that the fold no longer remembers."""
    claims = fold.sound.claims
    if claims:
        fold.sound.settle(await archive.read_at({each.participant.position for each in claims}))


def _compared(table: Table, position: int, live: Live, folded: Digest) -> Compared:
    standing = live.digests.get(table)
    if standing is None:
        return Compared(table, position, "not folded", None, folded)
    return Compared(table, position, "equal" if standing == folded else "different", standing, folded)
