"""A schema opened only to be read: every transaction says so to the server, and any role that may read will do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from ensue_adapters.postgres import schema
from ensue_adapters.postgres.connections import Connections
from ensue_adapters.postgres.decisions import dump_chains
from ensue_adapters.postgres.live import Numbers, live_number
from ensue_adapters.postgres.offsets import read_rows
from ensue_adapters.postgres.pages import positions_of, read_at, read_head, stored_page
from ensue_adapters.postgres.place import Place
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.statements import Statements
from ensue_adapters.postgres.trouble import Trouble, translate
from ensue_core.archive import Archive, DecisionRow, Moment, Page, Table
from ensue_core.errors import StoreUnavailable
from ensue_core.generations import Generation
from ensue_core.ids import Id
from ensue_core.ports import Cursor, Head, RowTable
from ensue_core.records import Record
from ensue_core.rows import ROW_TYPES, QueryRow, WorkRow
from ensue_projections.queries import PROJECTION

T = TypeVar("T")
PIECE = 5_000
"""Rows of a view that are held at a time."""

_READING = "store/read_only"


class PostgresArchive:
    """One namespace of one schema, for reading alone."""

    def __init__(self, place: Place, namespace: str) -> None:
        self.namespace = namespace
        self._place = place
        self._connections: Connections | None = None
        self._number = 0

    async def open(self) -> None:
        """Connect; schema and namespace must be there."""
        if self._connections is not None:
            return
        connections = Connections(self._place, Statements(self._place.schema))
        try:
            await connections.open()
            self._connections = connections
            self._number = await self._run(self._find)
        except Trouble as error:
            await self.close()
            raise translate(error, self._place) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the connections."""
        connections, self._connections = self._connections, None
        if connections is not None:
            await connections.close()

    async def head(self) -> Head:
        """Return the end of the log."""
        return await self._run(lambda session: read_head(session, self._number))

    async def page(self, after: int, limit: int) -> Page:
        """Return records as they are stored."""
        return await self._run(lambda session: stored_page(session, self._number, after, limit))

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return records by position."""
        return await self._run(lambda session: read_at(session, self._number, positions))

    async def find(self, id: Id) -> Record | None:
        """Return a record by id."""

        async def look(session: Session) -> Record | None:
            for position in (await positions_of(session, self._number, [id])).values():
                return (await read_at(session, self._number, [position])).get(position)
            return None

        return await self._run(look)

    @asynccontextmanager
    async def moment(self, generation: Generation | None = None) -> AsyncGenerator[Moment, None]:
        """Hold one moment, in a transaction of its own."""
        try:
            async with self._opened().reading(_READING) as session:
                log = self._number
                number = generation.number if generation is not None else await live_number(session, log)
                row = await session.row("views/cursor", namespace=number, projection=PROJECTION)
                cursor = None if row is None else Cursor(PROJECTION, row[0], row[1])
                yield PostgresMoment(session, Numbers(log, number), await read_head(session, log), cursor)
        except Trouble as error:
            raise translate(error, self._place) from error

    async def _find(self, session: Session) -> int:
        if not await schema.check(session, self._place):
            raise StoreUnavailable(
                f"{self._place.name} has no schema {self._place.schema!r} of ensue: correct the URL, or make it with "
                "`ensue db upgrade`"
            )
        row = await session.row("store/namespace", name=self.namespace)
        if row is None:
            names = ", ".join(repr(each[0]) for each in await session.rows("store/namespaces"))
            raise StoreUnavailable(
                f"{self._place.name} has no namespace {self.namespace!r} (it has {names or 'none'}): "
                "say which one with --app-id"
            )
        return int(row[0])

    def _opened(self) -> Connections:
        if self._connections is None:
            raise StoreUnavailable(f"{self._place.name} is not open: open the archive before you use it")
        return self._connections

    async def _run(self, look: Callable[[Session], Awaitable[T]]) -> T:
        try:
            async with self._opened().reading(_READING) as session:
                return await look(session)
        except Trouble as error:
            raise translate(error, self._place) from error


class PostgresMoment:
    """One read transaction."""

    def __init__(self, session: Session, numbers: Numbers, head: Head, cursor: Cursor | None) -> None:
        self.head, self.cursor = head, cursor
        self._session, self._numbers = session, numbers

    async def rows(self, table: Table) -> AsyncIterator[Sequence[QueryRow | DecisionRow]]:
        """Yield a view's rows in pieces."""
        session, namespace = self._session, self._numbers.log
        if table == "work":
            yield [WorkRow(*row) for row in await session.rows("work/all", namespace=namespace)]
            return
        if table == "topics":
            yield await read_rows(session, namespace, None)
            return
        if table not in ROW_TYPES:
            yield cast("Sequence[DecisionRow]", (await dump_chains(session, namespace))[table])
            return
        row_type = cast("Callable[..., QueryRow]", ROW_TYPES[table][0])
        async for piece in self.values(cast("RowTable", table)):
            yield [row_type(*row) for row in piece]

    async def values(self, table: RowTable) -> AsyncIterator[Iterable[tuple[Any, ...]]]:
        """Yield a query view's rows in pieces, as their values."""
        session = self._session
        statement = session.statements(f"views/all_{table}")
        found = await session.connection.cursor(statement.text, self._numbers.views)
        while piece := await found.fetch(PIECE):
            yield map(tuple, piece)


_: tuple[type[Archive], type[Moment]] = (PostgresArchive, PostgresMoment)
