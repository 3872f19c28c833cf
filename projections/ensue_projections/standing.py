"""Every decision view of one namespace in memory, and how a record alters them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec

from ensue_core.changes import ChainChange, Change, TopicMoved, WorkAdded, WorkEnded, WorkReopened, WorkStarted
from ensue_core.facts import EventEmitted
from ensue_core.ids import Id
from ensue_core.records import Record
from ensue_core.rows import ChainRow, TimerRow, TopicRow, TriggerRow, WaitingRow, WorkRow
from ensue_projections.decisions import changes_of
from ensue_projections.tables import ChainTables, move_topic


class Standing:
    """The decision views as they stand: chains, work and topics."""

    def __init__(self) -> None:
        self.chains = ChainTables()
        self.work: dict[Id, WorkRow] = {}
        self.topics: dict[tuple[str, int], TopicRow] = {}
        self._apply: dict[type[Change], Callable[[Any], None]] = {
            WorkAdded: self._added,
            WorkStarted: self._started,
            WorkReopened: self._reopened,
            WorkEnded: self._ended,
            TopicMoved: lambda change: move_topic(change, self.topics),
            **dict.fromkeys(get_args(ChainChange), self.chains.apply),
        }

    def fold(self, record: Record) -> None:
        """Fold the next record."""
        if type(record.fact) is not EventEmitted:  # the most frequent one, and it changes none of these
            apply = self._apply
            for change in changes_of(record):
                apply[type(change)](change)

    def take(self, row: msgspec.Struct) -> bool:
        """Take a row as it stands; False where it is of no decision view."""
        chains = self.chains
        match row:
            case ChainRow():
                chains.chains[row.service] = row
            case TriggerRow():
                chains.triggers[row.service, row.trigger] = row
            case TimerRow():
                chains.timers[row.service, row.trigger, row.condition] = row
            case WaitingRow():
                chains.waiting[row.match] = row
            case WorkRow():
                self.work[row.invocation] = row
            case TopicRow():
                self.topics[row.topic, row.partition] = row
            case _:
                return False
        return True

    def rows(self) -> dict[str, list[msgspec.Struct]]:
        """Return the rows of each view."""
        chains = self.chains
        return {
            "chains": [*chains.chains.values()],
            "triggers": [*chains.triggers.values()],
            "timers": [*chains.timers.values()],
            "waiting": [*chains.waiting.values()],
            "work": [*self.work.values()],
            "topics": [*self.topics.values()],
        }

    def _added(self, change: WorkAdded) -> None:
        self.work[change.row.invocation] = change.row

    def _ended(self, change: WorkEnded) -> None:
        self.work.pop(change.invocation, None)

    def _started(self, change: WorkStarted) -> None:
        row = self.work.get(change.invocation)
        if row is not None and row.attempt == change.attempt:
            self.work[change.invocation] = WorkRow(
                row.invocation, row.task, row.attempt, row.due, row.created, True,
                row.failures, row.crashes, row.depth, row.root,
            )  # fmt: skip

    def _reopened(self, change: WorkReopened) -> None:
        row = self.work.get(change.invocation)
        if row is not None:
            self.work[change.invocation] = WorkRow(
                row.invocation, row.task, change.attempt, change.due, row.created, False,
                change.failures, change.crashes, row.depth, row.root,
            )  # fmt: skip
