"""Decision views in SQL: applies the pure projections' changes, many rows a statement.

Changes of one invocation or match keep their order; those of different ones do not meet, so they are
gathered by what they do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ensue_adapters.sqlite.rows import write_rows
from ensue_adapters.sqlite.statements import sql
from ensue_core.changes import (
    ChainMoved,
    Change,
    MatchAdded,
    MatchesGone,
    OwnMoved,
    ServicePauseSet,
    ServiceSet,
    TimerSet,
    TimersGone,
    TriggerChanged,
    TriggerSet,
    WorkAdded,
    WorkEnded,
    WorkReopened,
    WorkStarted,
)
from ensue_core.ids import Id
from ensue_core.records import Record
from ensue_core.rows import WaitingRow, WorkRow
from ensue_projections.decisions import changes_of


class Lease(msgspec.Struct, frozen=True, gc=False):
    """Who begins the attempts among some records, and until when they are its own."""

    worker: str = ""
    until: int = 0


NOBODY = Lease()


class Folding:
    """Folds records into one namespace's decision views, inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, namespace: int, lease: Lease = NOBODY) -> None:
        self._connection = connection
        self._namespace = namespace
        self._lease = lease
        self._added: dict[Id, WorkRow] = {}
        self._begun: dict[Id, WorkRow] = {}
        self._started: set[Id] = set()
        self._reopened: dict[Id, WorkReopened] = {}
        self._ended: set[Id] = set()
        self._waiting: dict[Id, WaitingRow] = {}
        self._gone: set[Id] = set()
        self._moved: dict[str, ChainMoved] = {}

    def fold(self, records: Iterable[Record]) -> None:
        """Apply what the records bring."""
        apply = _APPLY
        for record in records:
            for change in changes_of(record):
                apply[type(change)](self, change)
        self._write_work()
        self._write_waiting()
        for moved in self._moved.values():
            self._run("chain/move", moved.service, moved.step, _json(moved.through), moved.clock)
        self._moved.clear()

    # Work.

    def work_added(self, change: WorkAdded) -> None:
        """An invocation was created."""
        self._settle(change.row.invocation)
        self._added[change.row.invocation] = change.row

    def work_started(self, change: WorkStarted) -> None:
        """An attempt began, most often in the Step that created its invocation."""
        row = self._added.pop(change.invocation, None)
        if row is not None:
            self._begun[change.invocation] = row
            return
        self._settle(change.invocation)
        self._started.add(change.invocation)

    def work_reopened(self, change: WorkReopened) -> None:
        """The next attempt is open."""
        self._settle(change.invocation)
        self._reopened[change.invocation] = change

    def work_ended(self, change: WorkEnded) -> None:
        """The invocation has ended."""
        self._settle(change.invocation)
        self._ended.add(change.invocation)

    def _settle(self, invocation: Id) -> None:
        """Write what is gathered where the invocation is part of it: order holds within one."""
        if (
            invocation in self._added
            or invocation in self._begun
            or invocation in self._started
            or invocation in self._reopened
            or invocation in self._ended
        ):
            self._write_work()

    def _write_work(self) -> None:
        more = len(self._added) + len(self._begun)
        if more:
            rows = [self._work_row(row, 0, NOBODY) for row in self._added.values()]
            rows += [self._work_row(row, 1, self._lease) for row in self._begun.values()]
            write_rows(self._connection, "work/add", rows)
            self._added.clear()
            self._begun.clear()
        if self._started:
            self._run("work/start", _json(self._started), self._lease.worker, self._lease.until)
            self._started.clear()
        if self._reopened:
            opened = [(e.invocation, e.attempt, e.due, e.failures, e.crashes) for e in self._reopened.values()]
            self._run("work/reopen", _json(opened))
            self._reopened.clear()
        if self._ended:
            more -= self._run("work/end", _json(self._ended))
            self._ended.clear()
        if more:
            self._run("work/count", more)

    def _work_row(self, row: WorkRow, started: int, lease: Lease) -> tuple[object, ...]:
        return (
            self._namespace,
            row.invocation,
            row.task,
            row.attempt,
            row.due,
            row.created,
            started,
            row.failures,
            row.crashes,
            row.depth,
            row.root,
            lease.worker,
            lease.until,
        )

    # Waiting matches.

    def match_added(self, change: MatchAdded) -> None:
        """A match waits."""
        self._waiting[change.row.match] = change.row

    def matches_gone(self, change: MatchesGone) -> None:
        """Matches wait no longer; one that was added just now may stand in the table too."""
        for match in change.matches:
            self._waiting.pop(match, None)
            self._gone.add(match)

    def _write_waiting(self) -> None:
        if self._gone:
            self._run("chain/drop_waiting", _json(self._gone))
            self._gone.clear()
        if self._waiting:
            rows = [(self._namespace, *msgspec.structs.astuple(row)) for row in self._waiting.values()]
            write_rows(self._connection, "chain/add_waiting", rows)
            self._waiting.clear()

    # The chain; rare but for its moves.

    def chain_moved(self, change: ChainMoved) -> None:
        """The last of several Steps of a service counts."""
        self._moved[change.service] = change

    def timer_set(self, change: TimerSet) -> None:
        """A cron condition's next slot."""
        self._run("chain/set_timer", *msgspec.structs.astuple(change.row))

    def timers_gone(self, change: TimersGone) -> None:
        """A trigger's cron conditions tick no more."""
        self._run("chain/drop_timers", change.service, change.trigger)

    def trigger_set(self, change: TriggerSet) -> None:
        """A trigger as declared now."""
        row = change.row
        own = None if row.own is None else _json(row.own)
        spec = _json(row.spec)
        self._run(
            "chain/set_trigger",
            row.service,
            row.trigger,
            row.version,
            spec,
            row.state,
            row.begins,
            own,
            row.reason,
        )

    def trigger_changed(self, change: TriggerChanged) -> None:
        """A trigger's state."""
        own = None if change.own is None else _json(change.own)
        self._run(
            "chain/change_trigger",
            change.service,
            change.trigger,
            change.state,
            own,
            change.begins,
            change.reason,
        )

    def own_moved(self, change: OwnMoved) -> None:
        """How far a lagging trigger has been asked."""
        self._run(
            "chain/move_own",
            change.service,
            change.trigger,
            None if change.own is None else _json(change.own),
        )

    def service_set(self, change: ServiceSet) -> None:
        """Who is declared."""
        self._run("chain/declare", change.service, change.version, _json(change.tasks))

    def service_pause_set(self, change: ServicePauseSet) -> None:
        """Whether the service decides at all."""
        self._run("chain/pause", change.service, int(change.paused))

    def _run(self, name: str, *values: object) -> int:
        return self._connection.execute(sql(name), (self._namespace, *values)).rowcount


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


_APPLY: dict[type[Change], Callable[[Folding, Any], None]] = {
    WorkAdded: Folding.work_added,
    WorkStarted: Folding.work_started,
    WorkReopened: Folding.work_reopened,
    WorkEnded: Folding.work_ended,
    MatchAdded: Folding.match_added,
    MatchesGone: Folding.matches_gone,
    TimerSet: Folding.timer_set,
    TimersGone: Folding.timers_gone,
    TriggerSet: Folding.trigger_set,
    TriggerChanged: Folding.trigger_changed,
    OwnMoved: Folding.own_moved,
    ChainMoved: Folding.chain_moved,
    ServiceSet: Folding.service_set,
    ServicePauseSet: Folding.service_pause_set,
}
