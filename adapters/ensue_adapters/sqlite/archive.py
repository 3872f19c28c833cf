"""The file opened only to be read: the connection is read-only, and so is what it is asked."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import msgspec

from ensue_adapters.sqlite.connection import check_version, connect_archive
from ensue_adapters.sqlite.decisions import dump_chains
from ensue_adapters.sqlite.delivery import Delivery
from ensue_adapters.sqlite.live import live_places
from ensue_adapters.sqlite.offsets import read_rows
from ensue_adapters.sqlite.pages import read_at, read_head
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader
from ensue_adapters.sqlite.repeats import positions_of
from ensue_adapters.sqlite.schema import check
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.url import Place
from ensue_core.archive import Archive, DecisionRow, Moment, Page, Table
from ensue_core.errors import StoreError, StoreUnavailable
from ensue_core.facts import FORMAT, AnyFact, decode_fact
from ensue_core.generations import Generation
from ensue_core.ids import Id
from ensue_core.ports import Cursor, Head, RowTable
from ensue_core.records import Record
from ensue_core.rows import ROW_TYPES, QueryRow, WorkRow
from ensue_projections.queries import PROJECTION

T = TypeVar("T")
PIECE = 5_000
"""Rows of a view that are held at a time."""

_facts = msgspec.json.Decoder(list[AnyFact])
_work = msgspec.json.Decoder(list[WorkRow])


class SQLiteArchive:
    """One namespace of a SQLite file, for reading alone."""

    def __init__(self, place: Place, namespace: str) -> None:
        self.namespace = namespace
        self._place = place
        self._reader: Reader | None = None
        self._places = Places(0)

    async def open(self) -> None:
        """Open the file; it must be there, and so must the namespace."""
        if self._reader is not None:
            return
        check_version()
        if not self._place.path.is_file():
            raise StoreUnavailable(f"there is no store at {self._place.path.absolute()}: correct the URL")
        self._reader = self._reading("archive")
        try:
            self._places = await self._reader.run(self._find)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the file."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def head(self) -> Head:
        """Return the end of the log."""
        return await self._run(lambda connection: read_head(connection, self._places))

    async def page(self, after: int, limit: int) -> Page:
        """Return records as they are stored."""
        return await self._run(lambda connection: read_stored(connection, self._places, after, limit))

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return records by position."""
        return await self._run(lambda connection: read_at(connection, self._places, positions))

    async def find(self, id: Id) -> Record | None:
        """Return a record by id."""

        def read(connection: sqlite3.Connection) -> Record | None:
            for position in positions_of(connection, self._places, [id]).values():
                return read_at(connection, self._places, [position]).get(position)
            return None

        return await self._run(read)

    @asynccontextmanager
    async def moment(self, generation: Generation | None = None) -> AsyncGenerator[Moment, None]:
        """Hold one moment, on a connection of its own."""
        reader = self._reading("moment")
        try:
            await reader.run(_begin)
            head, cursor, live = await reader.run(lambda connection: self._ends(connection, generation))
            yield SQLiteMoment(reader, live, head, cursor)
        finally:
            await reader.close()

    def _ends(
        self, connection: sqlite3.Connection, generation: Generation | None
    ) -> tuple[Head, Cursor | None, Places]:
        if generation is not None:
            live = Places(generation.number, self._places)
        else:
            live = live_places(connection, self._places)
        row = connection.execute(sql("views/cursor"), (live.namespace, PROJECTION)).fetchone()
        cursor = None if row is None else Cursor(PROJECTION, row[0], row[1])
        return read_head(connection, self._places), cursor, live

    def _find(self, connection: sqlite3.Connection) -> Places:
        check(connection, self._place.path)
        row = connection.execute(sql("store/namespace"), (self.namespace,)).fetchone()
        if row is None:
            names = ", ".join(repr(name) for (name,) in connection.execute(sql("store/namespaces")))
            raise StoreUnavailable(
                f"{self._place.path} has no namespace {self.namespace!r} (it has {names or 'none'}): "
                "say which one with --app-id"
            )
        return Places(row[0])

    def _reading(self, name: str) -> Reader:
        return Reader(self._place, Delivery(asyncio.get_running_loop()), name, connect_archive)

    async def _run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        if self._reader is None:
            raise StoreUnavailable(f"{self._place.path} is not open: open the archive before you use it")
        return await self._reader.run(read)


class SQLiteMoment:
    """One read transaction."""

    def __init__(self, reader: Reader, live: Places, head: Head, cursor: Cursor | None) -> None:
        self.head, self.cursor = head, cursor
        self._reader, self._namespace, self._live = reader, live.log.namespace, live.namespace

    async def rows(self, table: Table) -> AsyncIterator[Sequence[QueryRow | DecisionRow]]:
        """Yield a view's rows in pieces."""
        if table not in ROW_TYPES:
            yield await self._reader.run(lambda connection: self._decisions(connection, table))
            return
        row_type = cast("Callable[..., QueryRow]", ROW_TYPES[table][0])
        async for piece in self.values(cast("RowTable", table)):
            yield [row_type(*row) for row in piece]

    async def values(self, table: RowTable) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
        """Yield a query view's rows in pieces, as their values."""
        found = await self._reader.run(lambda connection: connection.execute(sql(f"views/all_{table}"), (self._live,)))
        while piece := await self._reader.run(lambda _: found.fetchmany(PIECE)):
            yield piece

    def _decisions(self, connection: sqlite3.Connection, table: str) -> Sequence[DecisionRow]:
        if table == "work":
            (rows,) = connection.execute(sql("work/all"), (self._namespace,)).fetchone()
            return _work.decode(rows)
        if table == "topics":
            return read_rows(connection, self._namespace, None)
        return cast("Sequence[DecisionRow]", dump_chains(connection, self._namespace)[table])


_: tuple[type[Archive], type[Moment]] = (SQLiteArchive, SQLiteMoment)


def read_stored(connection: sqlite3.Connection, places: Places, after: int, limit: int) -> Page:
    """Return a page of records with their facts' bytes. Not beside a busy event loop: it goes row by row."""
    found: list[tuple[Any, ...]] = connection.execute(
        sql("log/stored"), (places.of(max(after, 0)), places.last, limit)
    ).fetchall()
    data = [row[3] for row in found]
    try:
        facts: list[Any] = _facts.decode(b"[" + b",".join(data) + b"]")
    except msgspec.MsgspecError:
        facts = []
    if len(facts) < len(found) or any(row[6] > FORMAT for row in found):
        facts = [_decoded(row, places) for row in found]
    first = places.first
    records = [
        Record(place - first, name := id.hex(), time, fact, cause, root or name, version)
        for (place, id, time, _, cause, root, version, _), fact in zip(found, facts, strict=True)
    ]
    return Page(records, data)


def _decoded(row: tuple[Any, ...], places: Places) -> Any:
    """Return one record's fact, or say which one cannot be read."""
    place, id, _, data, _, _, version, kind = row
    try:
        return decode_fact(data, kind, version)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"record {place - places.first} ({kind} {id.hex()}) cannot be read ({error}): it was written by another "
            "version or damaged, upgrade ensue or restore a backup"
        ) from error


def _begin(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
