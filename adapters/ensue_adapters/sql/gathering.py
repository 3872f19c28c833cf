"""Decision views on SQL: the pure projections' changes, gathered so that one statement writes many rows.

Changes of one invocation or match keep their order; those of different ones do not meet, so they are
gathered by what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

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
    TopicMoved,
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


class WorkBatch(msgspec.Struct, frozen=True):
    """Changes of different invocations, to be written in the order of the fields.

    Those `begun` were created and started in one Step. `started` and `begun` are the lease's worker's.
    """

    added: list[WorkRow]
    begun: list[WorkRow]
    started: list[Id]
    reopened: list[WorkReopened]
    ended: list[Id]
    lease: Lease


class WaitingBatch(msgspec.Struct, frozen=True):
    """Matches that wait no longer, then matches that wait."""

    gone: list[Id]
    added: list[WaitingRow]


RareChange = TimerSet | TimersGone | TriggerSet | TriggerChanged | OwnMoved | ServiceSet | ServicePauseSet | TopicMoved
"""A change that comes alone."""

Batch = WorkBatch | WaitingBatch | ChainMoved | RareChange
"""What a store writes at a time. A closed set."""


def gather(records: Iterable[Record], lease: Lease = NOBODY) -> list[Batch]:
    """Return what records do to the decision views, in the order to write it."""
    gathering = _Gathering(lease)
    apply = _APPLY
    for record in records:
        for change in changes_of(record):
            apply[type(change)](gathering, change)
    return gathering.done()


class _Gathering:
    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._batches: list[Batch] = []
        self._added: dict[Id, WorkRow] = {}
        self._begun: dict[Id, WorkRow] = {}
        self._started: set[Id] = set()
        self._reopened: dict[Id, WorkReopened] = {}
        self._ended: set[Id] = set()
        self._waiting: dict[Id, WaitingRow] = {}
        self._gone: set[Id] = set()
        self._moved: dict[str, ChainMoved] = {}

    def done(self) -> list[Batch]:
        """Return everything; the last of several Steps of a service counts."""
        self._end_work()
        if self._gone or self._waiting:
            self._batches.append(WaitingBatch(list(self._gone), list(self._waiting.values())))
        self._batches += self._moved.values()
        return self._batches

    def work_added(self, change: WorkAdded) -> None:
        self._settle(change.row.invocation)
        self._added[change.row.invocation] = change.row

    def work_started(self, change: WorkStarted) -> None:
        """Most often in the Step that created its invocation."""
        row = self._added.pop(change.invocation, None)
        if row is not None:
            self._begun[change.invocation] = row
            return
        self._settle(change.invocation)
        self._started.add(change.invocation)

    def work_reopened(self, change: WorkReopened) -> None:
        self._settle(change.invocation)
        self._reopened[change.invocation] = change

    def work_ended(self, change: WorkEnded) -> None:
        self._settle(change.invocation)
        self._ended.add(change.invocation)

    def _settle(self, invocation: Id) -> None:
        """End the batch where the invocation is part of it: order holds within one."""
        if (
            invocation in self._added
            or invocation in self._begun
            or invocation in self._started
            or invocation in self._reopened
            or invocation in self._ended
        ):
            self._end_work()

    def _end_work(self) -> None:
        if not (self._added or self._begun or self._started or self._reopened or self._ended):
            return
        batch = WorkBatch(
            list(self._added.values()),
            list(self._begun.values()),
            list(self._started),
            list(self._reopened.values()),
            list(self._ended),
            self._lease,
        )
        self._batches.append(batch)
        self._added.clear()
        self._begun.clear()
        self._started.clear()
        self._reopened.clear()
        self._ended.clear()

    def match_added(self, change: MatchAdded) -> None:
        self._waiting[change.row.match] = change.row

    def matches_gone(self, change: MatchesGone) -> None:
        """One that was added just now may stand in the table too."""
        for match in change.matches:
            self._waiting.pop(match, None)
            self._gone.add(match)

    def chain_moved(self, change: ChainMoved) -> None:
        self._moved[change.service] = change

    def rare(self, change: RareChange) -> None:
        self._batches.append(change)


_APPLY: dict[type[Change], Callable[[_Gathering, Any], None]] = {
    WorkAdded: _Gathering.work_added,
    WorkStarted: _Gathering.work_started,
    WorkReopened: _Gathering.work_reopened,
    WorkEnded: _Gathering.work_ended,
    MatchAdded: _Gathering.match_added,
    MatchesGone: _Gathering.matches_gone,
    TimerSet: _Gathering.rare,
    TimersGone: _Gathering.rare,
    TriggerSet: _Gathering.rare,
    TriggerChanged: _Gathering.rare,
    OwnMoved: _Gathering.rare,
    ChainMoved: _Gathering.chain_moved,
    ServiceSet: _Gathering.rare,
    ServicePauseSet: _Gathering.rare,
    TopicMoved: _Gathering.rare,
}
