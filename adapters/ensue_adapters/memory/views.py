"""The query views of one namespace: tables of final rows, kept in log order, and their queries."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar, cast, get_args

from ensue_core.ids import Id
from ensue_core.ports import Cursor, EventQuery, InvocationQuery, RowKey, RowTable, RunQuery
from ensue_core.rows import (
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

RowT = TypeVar("RowT", bound=QueryRow)
TABLES: tuple[RowTable, ...] = get_args(RowTable)


class Table:
    """Rows by key; the keys of the tables that are listed by position in that order too."""

    def __init__(self) -> None:
        self.rows: dict[RowKey, QueryRow] = {}
        self.order: list[tuple[int, RowKey]] = []
        self.groups: dict[str | int, set[RowKey]] = {}

    def put(self, key: RowKey, row: QueryRow) -> None:
        """Insert or replace a row; a run that is retried moves to where it fired."""
        before, place = self.rows.get(key), _place(row)
        if before is None:
            self.groups.setdefault(key[0], set()).add(key)
        elif place is not None and (old := _place(before)) is not None and old != place:
            del self.order[bisect_left(self.order, (old, key))]
            before = None
        if before is None and place is not None:
            insort(self.order, (place, key))
        self.rows[key] = row

    def newest(self, before: int | None) -> Iterator[QueryRow]:
        """Yield rows from the newest, or from the one before a position, to the oldest."""
        end = len(self.order) if before is None else bisect_left(self.order, (before,))
        for place in range(end - 1, -1, -1):
            yield self.rows[self.order[place][1]]

    def group(self, first: str) -> list[QueryRow]:
        """Return the rows whose key begins so, in the order of the rest of it."""
        return [self.rows[key] for key in sorted(self.groups.get(first, ()), key=lambda key: key[1:])]

    def sorted(self) -> list[QueryRow]:
        """Return all rows in the order of their keys."""
        return [self.rows[key] for key in sorted(self.rows, key=lambda key: tuple(map(str, key)))]


def _place(row: QueryRow) -> int | None:
    """Return the position that a listing is ordered by; None for rows that are only looked up."""
    match row:
        case EventRow() | RunRow() | ProblemRow():
            return row.position
        case InvocationRow():
            return row.created
        case _:
            return None


class ViewTables:
    """All query views and their cursors."""

    def __init__(self) -> None:
        self.tables: dict[RowTable, Table] = {name: Table() for name in TABLES}
        self.cursors: dict[str, tuple[int, int]] = {}
        self.runs_of: dict[Id, set[Id]] = {}

    def cursor(self, projection: str, version: int) -> int:
        """Return how far the projection has come; another version of it begins with empty tables."""
        standing = self.cursors.get(projection)
        if standing is not None and standing[0] == version:
            return standing[1]
        if standing is not None:
            self.drop()
        self.cursors[projection] = (version, 0)
        return 0

    def load(self, table: RowTable, keys: Collection[RowKey]) -> dict[RowKey, QueryRow]:
        """Return the rows that are there."""
        rows = self.tables[table].rows
        return {key: rows[key] for key in keys if key in rows}

    def project(self, before: Cursor, rows: Mapping[RowTable, Mapping[RowKey, QueryRow]], after: int) -> bool:
        """Write rows and move the cursor, if it stands where the caller thinks."""
        standing = self.cursors.get(before.projection, (before.version, 0))
        if standing != (before.version, before.position):
            return False
        for table, changed in rows.items():
            for key, row in changed.items():
                self.tables[table].put(key, row)
                if isinstance(row, ParticipantRow):
                    self.runs_of.setdefault(row.source, set()).add(row.run)
        self.cursors[before.projection] = (before.version, after)
        return True

    def drop(self) -> None:
        """Empty everything."""
        self.tables = {name: Table() for name in TABLES}
        self.cursors, self.runs_of = {}, {}

    # Queries.

    def events(self, query: EventQuery) -> list[EventRow]:
        """Return events that fit, newest first."""

        def fits(row: EventRow) -> bool:
            return (
                _in_family(row.code, query.code)
                and _within(row.time, query.since, query.until)
                and query.matched in (None, row.matched > 0)
                and query.triggered in (None, row.triggered > 0)
                and query.emitter in (None, row.emitter)
                and query.emitter_task in (None, row.emitter_task)
                and query.root in (None, row.root)
            )

        return self._page("events", EventRow, fits, query.before, query.limit)

    def runs(self, query: RunQuery) -> list[RunRow]:
        """Return runs that fit, newest first."""
        of_source = None if query.source is None else self.runs_of.get(query.source, set())

        def fits(row: RunRow) -> bool:
            return (
                (of_source is None or row.id in of_source)
                and query.invocation in (None, row.invocation)
                and query.trigger in (None, row.trigger)
                and query.task in (None, row.task)
                and query.outcome in (None, row.outcome)
                and query.root in (None, row.root)
                and _within(row.time, query.since, query.until)
            )

        return self._page("runs", RunRow, fits, query.before, query.limit)

    def invocations(self, query: InvocationQuery) -> list[InvocationRow]:
        """Return invocations that fit, newest first by creation."""

        def fits(row: InvocationRow) -> bool:
            return (
                query.task in (None, row.task)
                and (not query.statuses or row.status in query.statuses)
                and query.trigger in (None, row.trigger)
                and query.emitter in (None, row.emitter)
                and query.root in (None, row.root)
                and _within(row.registered, query.since, query.until)
            )

        return self._page("invocations", InvocationRow, fits, query.before, query.limit)

    def problems(self, before: int | None, limit: int) -> list[ProblemRow]:
        """Return problems, newest first."""
        return self._page("problems", ProblemRow, lambda row: True, before, limit)

    def participants(self, run: Id) -> list[ParticipantRow]:
        """Return a run's participants in order."""
        return cast(list[ParticipantRow], self.tables["participants"].group(run))

    def attempts(self, invocation: Id) -> list[AttemptRow]:
        """Return an invocation's attempts in order."""
        return cast(list[AttemptRow], self.tables["attempts"].group(invocation))

    def trigger_stats(self) -> list[TriggerStatsRow]:
        """Return what each trigger has done."""
        return cast(list[TriggerStatsRow], self.tables["trigger_stats"].sorted())

    def schedules(self) -> list[ScheduleRow]:
        """Return each cron condition's schedule."""
        return cast(list[ScheduleRow], self.tables["schedules"].sorted())

    def _page(
        self,
        table: RowTable,
        type_: type[RowT],
        fits: Callable[[RowT], bool],
        before: int | None,
        limit: int,
    ) -> list[RowT]:
        page: list[RowT] = []
        if limit > 0:
            for row in self.tables[table].newest(before):
                if isinstance(row, type_) and fits(row):
                    page.append(row)
                    if len(page) == limit:
                        break
        return page


def _in_family(code: str, wanted: str | None) -> bool:
    if wanted is None or code == wanted:
        return True
    return wanted.endswith(".*") and code.startswith(wanted[:-1])


def _within(time: int, since: int | None, until: int | None) -> bool:
    return (since is None or time >= since) and (until is None or time < until)
