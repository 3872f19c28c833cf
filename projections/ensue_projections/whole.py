"""Every view folded at once, in memory: what is open is kept as rows, what no record changes any more as a digest.

So memory follows what is open, not how long the log is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, cast

import msgspec

from ensue_core.ids import Id
from ensue_core.ports import RowKey, RowTable
from ensue_core.records import Record
from ensue_core.rows import ROW_TYPES, EventRow, QueryRow
from ensue_projections.digests import Digest, Sum
from ensue_projections.queries import QueryFold
from ensue_projections.soundness import Soundness
from ensue_projections.standing import Standing

_ONCE: tuple[RowTable, ...] = ("participants", "problems")
"""Views whose rows never change."""

_CLOSES: dict[RowTable, Callable[[Any], object]] = {
    "runs": lambda row: row.outcome != "failed",  # one that failed may be retried
    "invocations": attrgetter("ended"),
    "attempts": attrgetter("ended"),
}
"""Views whose rows no record changes any more once they have fired or ended, and what tells."""

_LASTING: tuple[RowTable, ...] = ("trigger_stats", "schedules")
"""Views with a row for each trigger or schedule."""


class WholeFold:
    """Folds pages of the log in order, from the first record on, and checks the log as it goes.

    `sound` says what is wrong with the log itself. The query views may stop earlier than the decision views.
    """

    def __init__(self, namespace: str) -> None:
        self.position = 0
        self.standing = Standing()
        self.sound = Soundness(namespace, self.standing)
        self.queries = OpenQueries()

    def page(self, records: Sequence[Record], data: Sequence[bytes], *, queries: bool = True) -> None:
        """Fold a page; `data` holds the bytes of each fact as stored."""
        check, fold = self.sound.check, self.standing.fold
        for record, said in zip(records, data, strict=True):
            check(record, said)
            fold(record)
        self.sound.page()
        if queries:
            self.queries.page(records)
        if records:
            self.position = records[-1].position

    def take(self, table: str, rows: Sequence[msgspec.Struct]) -> None:
        """Take rows of a view as they stood at `position`, instead of folding what made them."""
        taken = [self.standing.take(row) for row in rows]
        if not all(taken):
            self.queries.take(cast("RowTable", table), cast("Sequence[QueryRow]", rows))

    def decisions(self) -> dict[str, Digest]:
        """Return the digest of each decision view."""
        return {table: Sum(table).digest(rows) for table, rows in self.standing.rows().items()}


class OpenQueries:
    """The query views: open rows, and a digest of the closed ones."""

    def __init__(self) -> None:
        self._fold = QueryFold()
        self.open: dict[RowTable, dict[RowKey, QueryRow]] = {
            "events": Uncounted(),
            "runs": {},
            "invocations": {},
            "attempts": {},
            "trigger_stats": {},
            "schedules": {},
        }
        self.sums = {table: Sum(table) for table in (*_ONCE, *self.open)}

    def page(self, records: Sequence[Record]) -> None:
        """Fold a page."""
        changed = self._fold.fold(records, cast("Mapping[RowTable, Mapping[RowKey, QueryRow]]", self.open))
        for name in _ONCE:
            self.sums[name].add(changed.get(name, {}).values())
        self._events(cast("Mapping[RowKey, EventRow]", changed.get("events", {})))
        for name in _CLOSES:
            self._closing(name, changed.get(name, {}))
        for name in _LASTING:
            self.open[name].update(changed.get(name, {}))

    def digests(self) -> dict[str, Digest]:
        """Return the digest of each query view."""
        found = {table: total.digest() for table, total in self.sums.items() if table not in self.open}
        for table, rows in self.open.items():
            found[table] = self.sums[table].digest(rows.values())
        return dict(sorted(found.items()))

    def _events(self, changed: Mapping[RowKey, EventRow]) -> None:
        """An event is hashed where it is emitted; what comes of it later is counted on."""
        total = self.sums["events"]
        new = [row for row in changed.values() if row.position]
        total.add(new)
        if len(new) < len(changed):
            total.count(row for row in changed.values() if not row.position)

    def take(self, table: RowTable, rows: Sequence[QueryRow]) -> None:
        """Take rows as they stood, and keep those that may still change."""
        if table not in self.open or table == "events":
            self.sums[table].add(rows)
            return
        names = ROW_TYPES[table][1]
        taken: dict[RowKey, QueryRow] = {tuple(getattr(row, name) for name in names): row for row in rows}
        if table in _CLOSES:
            self._closing(table, taken)
        else:
            self.open[table].update(taken)

    def _closing(self, table: RowTable, changed: Mapping[RowKey, QueryRow]) -> None:
        """Hash the rows that no record changes any more, and keep the others."""
        kept, closes = self.open[table], _CLOSES[table]
        if kept:
            for key in changed.keys() & kept.keys():
                del kept[key]
        closed = [row for row in changed.values() if closes(row)]
        if len(closed) < len(changed):
            kept.update({key: row for key, row in changed.items() if not closes(row)})
        self.sums[table].add(closed)


class Uncounted(dict[RowKey, QueryRow]):
    """Stands for the events of earlier pages: each is there, and has counted nothing, so a fold gives what to add."""

    def get(self, key: RowKey, default: object = None) -> EventRow:
        """Return an event that stands at no position."""
        return EventRow(Id(str(key[0])), 0, 0, "")
