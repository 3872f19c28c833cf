"""Every view folded at once, in memory: what is open is kept as rows, what no record changes any more as a digest.

So memory follows what is open, not how long the log is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ensue_core.changes import TopicMoved, WorkAdded, WorkChange, WorkEnded, WorkReopened, WorkStarted
from ensue_core.ids import Id
from ensue_core.ports import RowKey, RowTable
from ensue_core.records import Record
from ensue_core.rows import AttemptRow, EventRow, InvocationRow, QueryRow, TopicRow, WorkRow
from ensue_projections.decisions import changes_of
from ensue_projections.digests import Digest, Sum
from ensue_projections.queries import QueryFold
from ensue_projections.soundness import Soundness
from ensue_projections.tables import ChainTables, move_topic

_ONCE: tuple[RowTable, ...] = ("runs", "participants", "problems")
"""Views whose rows never change."""

_CLOSING: tuple[RowTable, ...] = ("invocations", "attempts")
"""Views whose rows no record changes any more once they have ended."""

_LASTING: tuple[RowTable, ...] = ("trigger_stats", "schedules")
"""Views with a row for each trigger or schedule."""

_WORK = (WorkAdded, WorkStarted, WorkReopened, WorkEnded)


class WholeFold:
    """Folds pages of the log in order, from the first record on, and checks the log as it goes.

    `sound` says what is wrong with the log itself. The query views may stop earlier than the decision views.
    """

    def __init__(self, namespace: str) -> None:
        self.position = 0
        self.chains = ChainTables()
        self.work: dict[Id, WorkRow] = {}
        self.topics: dict[tuple[str, int], TopicRow] = {}
        self.sound = Soundness(namespace, self.chains, self.work, self.topics)
        self.queries = OpenQueries()

    def page(self, records: Sequence[Record], data: Sequence[bytes], *, queries: bool = True) -> None:
        """Fold a page; `data` holds the bytes of each fact as stored."""
        check, chains, work, topics = self.sound.check, self.chains, self.work, self.topics
        for record, said in zip(records, data, strict=True):
            check(record, said)
            for change in changes_of(record):
                if isinstance(change, _WORK):
                    apply_work(change, work)
                elif isinstance(change, TopicMoved):
                    move_topic(change, topics)
                else:
                    chains.apply(change)
        self.sound.page()
        if queries:
            self.queries.page(records)
        if records:
            self.position = records[-1].position

    def decisions(self) -> dict[str, Digest]:
        """Return the digest of each decision view."""
        chains = self.chains
        return {
            "chains": Sum("chains").digest(chains.chains.values()),
            "triggers": Sum("triggers").digest(chains.triggers.values()),
            "timers": Sum("timers").digest(chains.timers.values()),
            "waiting": Sum("waiting").digest(chains.waiting.values()),
            "work": Sum("work").digest(self.work.values()),
            "topics": Sum("topics").digest(self.topics.values()),
        }


class OpenQueries:
    """The query views: open rows, and a digest of the closed ones."""

    def __init__(self) -> None:
        self._fold = QueryFold()
        self.open: dict[RowTable, dict[RowKey, QueryRow]] = {
            "events": Uncounted(),
            "invocations": {},
            "attempts": {},
            "trigger_stats": {},
            "schedules": {},
        }
        self.sums = {table: Sum(table) for table in ("events", "runs", "participants", "problems")}
        self.sums |= {table: Sum(table) for table in self.open}

    def page(self, records: Sequence[Record]) -> None:
        """Fold a page."""
        changed = self._fold.fold(records, cast("Mapping[RowTable, Mapping[RowKey, QueryRow]]", self.open))
        for name in _ONCE:
            self.sums[name].add(changed.get(name, {}).values())
        self._events(cast("Mapping[RowKey, EventRow]", changed.get("events", {})))
        for name in _CLOSING:
            self._closing(name, changed)
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
        total.add(row for row in changed.values() if row.position)
        total.count(row for row in changed.values() if not row.position)

    def _closing(self, table: RowTable, changed: Mapping[RowTable, Mapping[RowKey, QueryRow]]) -> None:
        rows = cast("Mapping[RowKey, InvocationRow | AttemptRow]", changed.get(table, {}))
        kept = self.open[table]
        closed: list[QueryRow] = []
        for key, row in rows.items():
            if row.ended:
                kept.pop(key, None)
                closed.append(row)
            else:
                kept[key] = row
        self.sums[table].add(closed)


class Uncounted(dict[RowKey, QueryRow]):
    """Stands for the events of earlier pages: each is there, and has counted nothing, so a fold gives what to add."""

    def get(self, key: RowKey, default: object = None) -> EventRow:
        """Return an event that stands at no position."""
        return EventRow(Id(str(key[0])), 0, 0, "")


def apply_work(change: WorkChange, work: dict[Id, WorkRow]) -> None:
    """Alter the work rows as one change says."""
    if isinstance(change, WorkAdded):
        work[change.row.invocation] = change.row
        return
    row = work.get(change.invocation)
    if row is None:
        return
    if isinstance(change, WorkEnded):
        del work[change.invocation]
    elif isinstance(change, WorkReopened):
        work[change.invocation] = _with(row, change.attempt, change.due, False, change.failures, change.crashes)
    elif row.attempt == change.attempt:
        work[change.invocation] = _with(row, row.attempt, row.due, True, row.failures, row.crashes)


def _with(row: WorkRow, attempt: int, due: int, started: bool, failures: int, crashes: int) -> WorkRow:
    return WorkRow(row.invocation, row.task, attempt, due, row.created, started, failures, crashes, row.depth, row.root)
