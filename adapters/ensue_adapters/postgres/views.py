"""Query views: rows and cursor move in one transaction, rows travel as arrays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, cast, get_type_hints

import msgspec

from ensue_adapters.postgres import queries
from ensue_adapters.postgres.copying import Column, columns_of, packed
from ensue_adapters.postgres.live import Numbers, live_number
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.texts import column
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.writer import Writer
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
Q = TypeVar("Q")
Find = Callable[[Session], Awaitable[int]]
"""Under which number the rows stand, as of the moment that the session sees."""


_ROWS_MAX = 1_000
"""Rows a statement."""


class PostgresViews:
    """The namespace's query views in a Postgres schema."""

    page_records_max = 12_000

    def __init__(self, writer: Writer, find: Find | None = None) -> None:
        self._writer = writer
        self._live = find is None
        self._find: Find = find or (lambda session: live_number(session, writer.space.number))
        self._described: dict[RowTable, tuple[Column, ...]] = {}

    async def cursor(self, projection: str, version: int) -> int:
        """Return the last position folded; a projection or version not seen before is emptied first."""

        async def look(session: Session) -> int | None:
            row = await session.row("views/cursor", namespace=await self._find(session), projection=projection)
            return int(row[1]) if row is not None and row[0] == version else None

        async def begin(tx: Transaction) -> int:
            number = await self._find(tx.session)
            values = {"namespace": number, "projection": projection}
            await tx.session.run("views/start_cursor", **values)
            row = await tx.session.row("views/lock_cursor", **values)
            if row is not None and row[0] == version:
                return int(row[1])
            await _clear(tx, number)
            await tx.session.run("views/reset_cursor", version=version, **values)
            return 0

        found = await self._writer.read(look)
        return await self._writer.run(begin) if found is None else found

    async def load(self, table: RowTable, keys: Collection[RowKey]) -> dict[RowKey, QueryRow]:
        """Return the rows with those keys."""
        if not keys:
            return {}
        row_type, names = ROW_TYPES[table]
        columns = {name: list(values) for name, values in zip(names, zip(*keys, strict=True), strict=True)}
        values = {name: column(each) if name in _texts(table) else each for name, each in columns.items()}

        async def look(session: Session) -> list[QueryRow]:
            rows = await session.rows(f"views/load_{table}", namespace=await self._find(session), **values)
            return [row_type(*row) for row in rows]

        key = key_of(table)
        return {key(row): row for row in await self._writer.read(look)}

    async def project(self, before: Cursor, rows: Mapping[RowTable, Mapping[RowKey, QueryRow]], after: int) -> bool:
        """Write final rows and move the cursor; False where it has moved."""

        async def job(tx: Transaction) -> bool:
            number = await self._find(tx.session)
            if not await self._move(tx, number, before, after):
                return False
            for table, some in rows.items():
                # Where a row that looked new was there, all are written the way that asks.
                new, old = ([], list(some.values())) if tx.careful else split(table, rows, before.position)
                await self._copy(tx.session, number, table, new)
                for start in range(0, len(old), _ROWS_MAX):
                    columns = _columns(table, old[start : start + _ROWS_MAX])
                    await tx.session.run(f"views/write_{table}", namespace=number, **columns)
            return True

        return await self._writer.run(job)

    async def _move(self, tx: Transaction, number: int, before: Cursor, after: int) -> bool:
        """Move the cursor; False where it has moved, or where the live views are held still."""
        live: dict[str, Any] = {"log": tx.namespace, "still": STILL, "now": tx.clock.now()} if self._live else {}
        moved = await tx.session.run(
            "views/move_live_cursor" if live else "views/move_cursor",
            namespace=number,
            projection=before.projection,
            version=before.version,
            before=before.position,
            after=after,
            **live,
        )
        return moved > 0

    async def _copy(self, session: Session, number: int, table: RowTable, rows: Sequence[QueryRow]) -> None:
        if not rows:
            return
        columns = self._described.get(table)
        if columns is None:
            described = await session.rows("views/columns", view=table)
            columns = self._described[table] = columns_of([(name, type_name) for name, type_name in described])
        values = [_values(table, row) for row in rows]
        await session.copy(table, [each.name for each in columns], packed(number, columns, values))

    async def drop(self) -> None:
        """Empty every query view and its cursor."""

        async def job(tx: Transaction) -> None:
            number = await self._find(tx.session)
            await tx.session.run("views/clear_cursors", namespace=number)
            await _clear(tx, number)

        await self._writer.run(job)

    async def events(self, query: EventQuery) -> Sequence[EventRow]:
        """Return events that fit, newest first."""
        return await self._query(queries.events, query)

    async def runs(self, query: RunQuery) -> Sequence[RunRow]:
        """Return runs that fit, newest first."""
        return await self._query(queries.runs, query)

    async def invocations(self, query: InvocationQuery) -> Sequence[InvocationRow]:
        """Return invocations that fit, newest first by creation."""
        return await self._query(queries.invocations, query)

    async def participants(self, run: Id) -> Sequence[ParticipantRow]:
        """Return a run's participants in order."""
        return await self._rows(ParticipantRow, "views/participants", run=run)

    async def attempts(self, invocation: Id) -> Sequence[AttemptRow]:
        """Return an invocation's attempts in order."""
        return await self._rows(AttemptRow, "views/attempts", invocation=invocation)

    async def trigger_stats(self) -> Sequence[TriggerStatsRow]:
        """Return what each trigger has done."""
        return await self._rows(TriggerStatsRow, "views/trigger_stats")

    async def schedules(self) -> Sequence[ScheduleRow]:
        """Return each cron condition's schedule."""
        return await self._rows(ScheduleRow, "views/schedules")

    async def problems(self, before: int | None, limit: int) -> Sequence[ProblemRow]:
        """Return recent problems, newest first."""
        return await self._rows(ProblemRow, "views/problems", before=before, limit=limit)

    async def _rows(self, row_type: Callable[..., T], name: str, **values: Any) -> list[T]:
        async def look(session: Session) -> list[T]:
            rows = await session.rows(name, namespace=await self._find(session), **values)
            return [row_type(*row) for row in rows]

        return await self._writer.read(look)

    async def _query(self, ask: Callable[[Session, Numbers, Q], Awaitable[T]], query: Q) -> T:
        async def look(session: Session) -> T:
            log = self._writer.space.number
            return await ask(session, Numbers(log, await self._find(session)), query)

        return await self._writer.snapshot(look)


_: type[Views] = PostgresViews


async def _clear(tx: Transaction, number: int) -> None:
    for table in ROW_TYPES:
        await tx.session.run(f"views/clear_{table}", namespace=number)


def split(
    table: RowTable, rows: Mapping[RowTable, Mapping[RowKey, QueryRow]], before: int
) -> tuple[list[QueryRow], list[QueryRow]]:
    """Return a table's rows that a page past `before` has made, and those that it may only have changed."""
    all_of = rows[table]
    match table:
        case "runs" | "participants" | "problems":
            return list(all_of.values()), []
        case "events" | "invocations" | "attempts":
            new: list[QueryRow] = []
            old: list[QueryRow] = []
            invocations = rows.get("invocations", {})
            for row in all_of.values():
                maker = invocations.get((row.invocation,)) if isinstance(row, AttemptRow) else row
                (new if _born(maker) > before else old).append(row)
            return new, old
        case "trigger_stats" | "schedules":
            return [], list(all_of.values())


def _born(row: QueryRow | None) -> int:
    """Return the position of the record that made a row, 0 where it does not say."""
    match row:
        case EventRow():
            return row.position
        case InvocationRow():
            return row.created
        case _:
            return 0


def _values(table: RowTable, row: QueryRow) -> tuple[object, ...]:
    """Return what a row's columns hold, in order."""
    values = msgspec.structs.astuple(row)
    if isinstance(row, (EventRow, InvocationRow)):
        place = _ROOT_PLACES[table]
        return (*values[:place], None if row.root == row.id else row.root or "", *values[place + 1 :])
    return values


def _columns(table: RowTable, rows: Sequence[QueryRow]) -> dict[str, Sequence[object]]:
    """Return rows as the arrays that a statement takes."""
    row_type, _ = ROW_TYPES[table]
    texts = _texts(table)
    columns: dict[str, Sequence[object]] = {}
    for name in row_type.__struct_fields__:
        values = [getattr(row, name) for row in rows]
        columns[name] = column(values) if name in texts else values
    if table in _ROOT_PLACES:
        columns["root"] = column(list(_roots(cast("Iterable[EventRow | InvocationRow]", rows))))
    return columns


_ROOT_PLACES = {
    "events": EventRow.__struct_fields__.index("root"),
    "invocations": InvocationRow.__struct_fields__.index("root"),
}
"""Tables whose rows most often are their own roots, and where they say so."""


def _roots(rows: Iterable[EventRow | InvocationRow]) -> Iterable[str | None]:
    """What the column holds: NULL for a row that is its own root, '' for one that has none."""
    for row in rows:
        yield None if row.root == row.id else row.root or ""


@cache
def _texts(table: str) -> frozenset[str]:
    """Return the fields that hold any text: ids hold none that needs care."""
    row_type, _ = ROW_TYPES[table]
    hints = get_type_hints(row_type)
    return frozenset(name for name in row_type.__struct_fields__ if hints[name] in (str, str | None))


@cache
def key_of(table: str) -> Callable[[QueryRow], RowKey]:
    """Return what takes a row's key from it."""
    _, names = ROW_TYPES[table]
    take = cast("Callable[[QueryRow], Any]", attrgetter(*names))

    def only(row: QueryRow) -> RowKey:
        return (take(row),)

    return take if len(names) > 1 else only
