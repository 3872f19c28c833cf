"""Query views: rows and cursor move in one transaction, rows travel as JSON in one piece."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, cast

import msgspec

from ensue_adapters.sqlite import queries
from ensue_adapters.sqlite.live import live_places
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader, snapshot
from ensue_adapters.sqlite.rows import write_rows
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.transaction import Transaction
from ensue_adapters.sqlite.writer import Writer
from ensue_core.generations import STILL
from ensue_core.ids import Id
from ensue_core.ports import Cursor, EventQuery, InvocationQuery, RowKey, RowTable, RunQuery, Views
from ensue_core.rows import (
    ROW_TYPES,
    AttemptRow,
    EventRow,
    InvocationRow,
    ParticipantRow,
    ProblemRow,
    QueryRow,
    RunRow,
    ScheduleRow,
    TriggerStatsRow,
)

T = TypeVar("T")
Find = Callable[[sqlite3.Connection], Places]
"""Where the rows lie, as of the moment that the connection sees."""


class SQLiteViews:
    """The namespace's query views in a SQLite file.

    The projector reads beside the engine; people's questions may take long and have a thread of their own.
    """

    page_records_max = 4_000

    def __init__(
        self, writer: Writer, reader: Reader, questions: Reader, places: Places, find: Find | None = None
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._questions = questions
        self._live = find is None
        self._find: Find = find or (lambda connection: live_places(connection, places))

    async def cursor(self, projection: str, version: int) -> int:
        """Return the last position folded; a projection or version not seen before is emptied first."""
        row = await self._reader.run(snapshot(lambda connection: self._cursor(connection, projection)))
        if row is not None and row[0] == version:
            return row[1]

        def write(tx: Transaction) -> int:
            row = self._cursor(tx.connection, projection)
            if row is not None and row[0] == version:
                return row[1]
            places = self._find(tx.connection)
            _clear(tx, places)
            tx.connection.execute(sql("views/start_cursor"), (places.namespace, projection, version))
            return 0

        return await self._writer.run(write)

    def _cursor(self, connection: sqlite3.Connection, projection: str) -> tuple[int, int] | None:
        values = (self._find(connection).namespace, projection)
        found: tuple[int, int] | None = connection.execute(sql("views/cursor"), values).fetchone()
        return found

    async def load(self, table: RowTable, keys: Collection[RowKey]) -> dict[RowKey, QueryRow]:
        """Return the rows with those keys."""
        if not keys:
            return {}
        wanted = msgspec.json.encode(list(keys)).decode()

        def read(connection: sqlite3.Connection) -> Any:
            bound = (self._find(connection).namespace, wanted)
            return connection.execute(sql(f"views/load_{table}"), bound).fetchone()

        (page,) = await self._reader.run(snapshot(read))
        rows: list[QueryRow] = _decoder(table).decode(page)
        key = key_of(table)
        return {key(row): row for row in rows}

    async def project(self, before: Cursor, rows: Mapping[RowTable, Mapping[RowKey, QueryRow]], after: int) -> bool:
        """Write final rows and move the cursor; False where it has moved."""

        def write(tx: Transaction) -> bool:
            places = self._find(tx.connection)
            moved = (places.namespace, before.projection, before.version, before.position, after)
            still = (tx.namespace, STILL, tx.clock.now()) if self._live else ()
            statement = sql("views/move_live_cursor" if self._live else "views/move_cursor")
            if tx.connection.execute(statement, (*moved, *still)).rowcount == 0:
                return False
            for table, some in rows.items():
                write_rows(tx.connection, f"views/write_{table}", _written(table, places, some.values()))
            return True

        return await self._writer.run(write)

    async def drop(self) -> None:
        """Empty every query view and its cursor."""

        def write(tx: Transaction) -> None:
            places = self._find(tx.connection)
            _clear(tx, places)
            tx.connection.execute(sql("views/clear_cursors"), (places.namespace,))

        await self._writer.run(write)

    async def events(self, query: EventQuery) -> Sequence[EventRow]:
        """Return events that fit, newest first."""
        return await self._query(lambda connection: queries.events(connection, self._find(connection), query))

    async def runs(self, query: RunQuery) -> Sequence[RunRow]:
        """Return runs that fit, newest first."""
        return await self._query(lambda connection: queries.runs(connection, self._find(connection), query))

    async def invocations(self, query: InvocationQuery) -> Sequence[InvocationRow]:
        """Return invocations that fit, newest first by creation."""
        return await self._query(lambda connection: queries.invocations(connection, self._find(connection), query))

    async def participants(self, run: Id) -> Sequence[ParticipantRow]:
        """Return a run's participants in order."""
        rows: list[ParticipantRow] = await self._read("views/participants", _decoder("participants"), run)
        return rows

    async def attempts(self, invocation: Id) -> Sequence[AttemptRow]:
        """Return an invocation's attempts in order."""
        rows: list[AttemptRow] = await self._read("views/attempts", _decoder("attempts"), invocation)
        return rows

    async def trigger_stats(self) -> Sequence[TriggerStatsRow]:
        """Return what each trigger has done."""
        rows: list[TriggerStatsRow] = await self._read("views/trigger_stats", _decoder("trigger_stats"))
        return rows

    async def schedules(self) -> Sequence[ScheduleRow]:
        """Return each cron condition's schedule."""
        rows: list[ScheduleRow] = await self._read("views/schedules", _decoder("schedules"))
        return rows

    async def problems(self, before: int | None, limit: int) -> Sequence[ProblemRow]:
        """Return recent problems, newest first."""
        rows: list[ProblemRow] = await self._read("views/problems", _decoder("problems"), before, limit)
        return rows

    async def _read(self, name: str, decoder: Any, *values: object) -> Any:
        def read(connection: sqlite3.Connection) -> Any:
            return connection.execute(sql(name), (self._find(connection).namespace, *values)).fetchone()

        (rows,) = await self._questions.run(snapshot(read))
        return decoder.decode(rows)

    async def _query(self, read: Callable[[sqlite3.Connection], T]) -> T:
        return await self._questions.run(snapshot(read))


_: type[Views] = SQLiteViews


def _clear(tx: Transaction, places: Places) -> None:
    for table in ROW_TYPES:
        tx.connection.execute(sql(f"views/clear_{table}"), (places.namespace,))


@cache
def _decoder(table: str) -> Any:
    row, _ = ROW_TYPES[table]
    return msgspec.json.Decoder(list[row])  # type: ignore[valid-type]


_PLACED = {"events": "position", "runs": "position", "invocations": "created", "problems": "position"}
"""Tables whose key is the place of one record, and the field that says which."""


def _written(table: RowTable, places: Places, rows: Iterable[QueryRow]) -> list[tuple[object, ...]]:
    """Return rows as their statement takes them: the place or the namespace, then the other fields."""
    values = _values(table)
    placed = _PLACED.get(table)
    if placed is None:
        return [(places.namespace, *values(row)) for row in rows]
    position: Callable[[QueryRow], int] = attrgetter(placed)
    first = places.first
    return [(first | position(row), *values(row)) for row in rows]


@cache
def _values(table: str) -> Callable[[QueryRow], tuple[object, ...]]:
    row, _ = ROW_TYPES[table]
    return attrgetter(*[field for field in row.__struct_fields__ if field != _PLACED.get(table)])


@cache
def key_of(table: str) -> Callable[[QueryRow], RowKey]:
    """Return what takes a row's key from it."""
    _, names = ROW_TYPES[table]
    take = cast("Callable[[QueryRow], Any]", attrgetter(*names))

    def only(row: QueryRow) -> RowKey:
        return (take(row),)

    return take if len(names) > 1 else only
