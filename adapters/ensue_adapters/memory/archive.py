"""One space for reading alone."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from msgspec.structs import astuple

from ensue_adapters.memory.space import Space
from ensue_adapters.memory.views import ViewTables
from ensue_core.archive import Archive, DecisionRow, Moment, Page, Table
from ensue_core.errors import StoreUnavailable
from ensue_core.facts import encode_fact
from ensue_core.generations import Generation
from ensue_core.ids import Id
from ensue_core.ports import Cursor, Head, RowTable
from ensue_core.records import Record
from ensue_core.rows import QueryRow
from ensue_projections.queries import PROJECTION

T = TypeVar("T")


class MemoryArchive:
    """One namespace of a world, for reading alone."""

    def __init__(self, space: Space, namespace: str) -> None:
        self.namespace = namespace
        self._space = space
        self._open = False

    async def open(self) -> None:
        """Be ready."""
        self._open = True

    async def close(self) -> None:
        """Be ready no more."""
        self._open = False

    async def head(self) -> Head:
        """Return the end of the log."""
        return await self._ask(lambda space: space.head())

    async def page(self, after: int, limit: int) -> Page:
        """Return records as they are stored."""
        records = await self._ask(lambda space: _past(space.records, after)[: max(limit, 0)])
        return Page(records, [encode_fact(each.fact) for each in records])

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return records by position."""
        return await self._ask(
            lambda space: {at: space.records[at - 1] for at in positions if 0 < at <= len(space.records)}
        )

    async def find(self, id: Id) -> Record | None:
        """Return a record by id."""
        return await self._ask(lambda space: space.find(id))

    @asynccontextmanager
    async def moment(self, generation: Generation | None = None) -> AsyncGenerator[Moment, None]:
        """Hold one moment."""
        yield await self._ask(lambda space: MemoryMoment(space, generation))

    async def _ask(self, act: Callable[[Space], T]) -> T:
        if not self._open:
            raise StoreUnavailable("the memory archive is not open, await archive.open() first")
        await asyncio.sleep(0)
        return act(self._space)


def cursor_of(views: ViewTables) -> Cursor | None:
    """Return how far some query views have folded."""
    standing = views.cursors.get(PROJECTION)
    return None if standing is None else Cursor(PROJECTION, *standing)


def _past(records: list[Record], after: int) -> list[Record]:
    return records[bisect_right(records, after, key=lambda each: each.position) :]


class MemoryMoment:
    """All rows as they stood; rows never change, so that lists of them are enough."""

    def __init__(self, space: Space, generation: Generation | None = None) -> None:
        self.head = space.head()
        views = space.views if generation is None else space.generations.tables[generation.number]
        self.cursor = cursor_of(views)
        chains = space.chains
        self.standing: dict[Table, Sequence[QueryRow | DecisionRow]] = {
            "chains": list(chains.chains.values()),
            "triggers": list(chains.triggers.values()),
            "timers": list(chains.timers.values()),
            "waiting": list(chains.waiting.values()),
            "work": list(space.work.rows.values()),
            "topics": list(space.topics.values()),
        }
        for name, table in views.tables.items():
            self.standing[name] = list(table.rows.values())

    async def rows(self, table: Table) -> AsyncIterator[Sequence[QueryRow | DecisionRow]]:
        """Yield a view's rows."""
        yield self.standing[table]

    async def values(self, table: RowTable) -> AsyncIterator[Iterable[tuple[Any, ...]]]:
        """Yield a query view's rows as their values."""
        yield map(astuple, self.standing[table])


_: tuple[type[Archive], type[Moment]] = (MemoryArchive, MemoryMoment)
