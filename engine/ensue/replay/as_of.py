"""A namespace as it stood at a position of its log: a store to look at, folded from the beginning up to there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from ensue.projector import Projector
from ensue.stores import open_store
from ensue_core.archive import Archive
from ensue_core.clock import Clock
from ensue_core.defaults import DEFAULTS
from ensue_core.errors import BadQuery, InThePast
from ensue_core.generations import Generations
from ensue_core.ids import Id
from ensue_core.ports import Chain, Decisions, Head, Health, Leases, Log, Store, Views, Work
from ensue_core.records import Record
from ensue_core.rows import ChainRow, TopicRow, WorkRow
from ensue_core.topics import Offsets
from ensue_projections.standing import Standing

__all__ = ["PastStore", "past_store", "position_of"]

IN_MEMORY_MAX = 200_000
"""Up to how many records the query views of the past are held in memory; those of more go to a file for the while."""

PAGE = 4_000
Progress = Callable[[int, int], None]


@asynccontextmanager
async def past_store(
    archive: Archive, position: int, clock: Clock, progress: Progress | None = None
) -> AsyncGenerator[PastStore, None]:
    """Fold a namespace up to a position and hold it while the block runs. Raises `BadQuery` past the log's end."""
    head = await archive.head()
    if not 0 <= position <= head.position:
        raise BadQuery(f"position {position} is past the end of the log, which is {head.position}: say 0 to that")
    with TemporaryDirectory(prefix="ensue-as-of-") as folder:
        large = position > IN_MEMORY_MAX
        url = f"sqlite:///{Path(folder) / 'views.db'}?synchronous=normal&hint=0" if large else "memory:"
        scratch = open_store(url, archive.namespace, clock)
        await scratch.open()
        try:
            store = PastStore(archive, position, clock, scratch.views)
            await store.fold(progress)
            yield store
        finally:
            await scratch.close()


async def position_of(archive: Archive, time: int) -> int:
    """Return the last position at or before a log time, by bisection; 0 where there is none."""
    low, high = 0, (await archive.head()).position
    while low < high:
        middle = (low + high + 1) // 2
        found = (await archive.read_at([middle])).get(middle)
        if found is None or found.time <= time:
            low = middle
        else:
            high = middle - 1
    return low


class PastStore:
    """One namespace of one store, as of a position. It answers; what would write raises `InThePast`."""

    def __init__(self, archive: Archive, position: int, clock: Clock, views: Views) -> None:
        self.namespace = archive.namespace
        self.position, self.views = position, views
        self._archive, self._clock = archive, clock
        self._time = 0
        self._standing = Standing()
        self.clock: Clock = self
        self.log = cast("Log", self)
        self.decisions = cast("Decisions", self)
        self.work = cast("Work", _PastWork(self._standing.work))
        self.leases = cast("Leases", _NoLeases())
        self.offsets = cast("Offsets", _PastOffsets(self._standing.topics))
        self.generations = cast("Generations", _Refusing())

    async def fold(self, progress: Progress | None) -> None:
        """Fold the decision views and the query views up to the position."""
        at, standing = 0, self._standing
        while at < self.position and (records := await self.read(at, PAGE)):
            for record in records:
                standing.fold(record)
            at, self._time = records[-1].position, records[-1].time
            if progress is not None:
                progress(at // 2, self.position)
        projector = Projector(cast("Store", self), self._clock, DEFAULTS, process="as-of", gather_seconds=0)
        while await projector.page() or projector.position is None:
            if progress is not None and projector.position is not None:
                progress((self.position + projector.position) // 2, self.position)

    # The clock: it stands.

    def now(self) -> int:
        """Return the log time as of then."""
        return self._time

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return at once: nothing comes in the past."""

    # The log.

    async def append(self, drafts: Sequence[Any]) -> list[Any]:
        """Refuse."""
        raise InThePast

    async def read(self, after: int, limit: int) -> Sequence[Record]:
        """Return records past a position, up to then."""
        most = min(limit, self.position - after)
        return (await self._archive.page(after, most)).records if most > 0 else []

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return records by position."""
        return await self._archive.read_at([each for each in positions if each <= self.position])

    async def find(self, id: Id) -> Record | None:
        """Return a record by id, if it was there."""
        record = await self._archive.find(id)
        return record if record is not None and record.position <= self.position else None

    async def head(self) -> Head:
        """Return where the log ended."""
        return Head(self.position, self._time)

    async def wait(self, after: int, timeout: float | None = None) -> int:
        """Return at once: no more records come in the past."""
        return self.position if self.position > after else 0

    # The chains.

    async def load(self, service: str) -> Chain:
        """Return a chain as it stood."""
        return self._standing.chains.snapshot(service)

    async def commit(self, step: Any) -> Any:
        """Refuse."""
        raise InThePast

    async def find_step(self, service: str, step: Id) -> None:
        """Know of no Step that is on its way."""

    async def chains(self) -> Sequence[ChainRow]:
        """Return all chains."""
        return [row for _, row in sorted(self._standing.chains.chains.items())]

    # The rest of a store.

    async def open(self) -> None:
        """Be ready."""

    async def close(self) -> None:
        """Whoever opened the archive closes it."""

    def archive(self) -> Archive:
        """Return the archive that it is folded from."""
        return self._archive

    async def rebuild_decisions(self) -> None:
        """Refuse."""
        raise InThePast

    async def dump_decisions(self) -> dict[str, list[tuple[object, ...]]]:
        """Refuse: the past is no view."""
        raise InThePast

    async def health(self) -> Sequence[Health]:
        """Say where it stands."""
        return [Health("as of", True, f"position {self.position}")]


class _PastWork:
    """The unfinished invocations as of then; nobody held a lease that is remembered."""

    def __init__(self, rows: dict[Id, WorkRow]) -> None:
        self._rows = rows

    async def get(self, invocation: Id) -> WorkRow | None:
        return self._rows.get(invocation)

    async def queued(self) -> int:
        return len(self._rows)

    async def expired(self, limit: int) -> Sequence[WorkRow]:
        return []

    async def next_due(self, tasks: Collection[str]) -> int | None:
        return min((row.due for row in self._rows.values() if row.task in tasks and not row.started), default=None)

    async def cancel(self, cancellation: Any) -> bool:
        raise InThePast

    async def claim(self, *arguments: Any) -> Any:
        raise InThePast

    renew = finish = claim


class _PastOffsets:
    """How far topics had been taken into the log as of then."""

    per_partition = False

    def __init__(self, rows: dict[tuple[str, int], TopicRow]) -> None:
        self._rows = rows

    async def rows(self, topic: str) -> Sequence[TopicRow]:
        return [row for key, row in sorted(self._rows.items()) if key[0] == topic]

    async def ingest(self, batches: Any) -> Any:
        raise InThePast


class _NoLeases:
    """Leases are soft state, in no record."""

    async def hold(self, *arguments: Any) -> bool:
        return True

    async def release(self, *arguments: Any) -> None:
        """Nothing was held."""

    async def holders(self, prefix: str) -> Sequence[tuple[str, str, str]]:
        return []


class _Refusing:
    """The past has one generation."""

    def __getattr__(self, name: str) -> Any:
        raise InThePast


_: type[Store] = PastStore
