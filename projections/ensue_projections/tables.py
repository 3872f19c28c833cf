"""The chain tables of one namespace, and how one change alters them."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from ensue_core.changes import (
    ChainChange,
    ChainMoved,
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
)
from ensue_core.ids import Id
from ensue_core.ports import Chain
from ensue_core.rows import ChainRow, TimerRow, TopicRow, TriggerRow, WaitingRow
from ensue_core.topics import added


class ChainTables:
    """Cursors, triggers, timers and waiting matches."""

    def __init__(self) -> None:
        self.chains: dict[str, ChainRow] = {}
        self.triggers: dict[tuple[str, str], TriggerRow] = {}
        self.timers: dict[tuple[str, str, str], TimerRow] = {}
        self.waiting: dict[Id, WaitingRow] = {}

    def row(self, service: str) -> ChainRow:
        """Return a service's chain row; an empty one where it never declared."""
        return self.chains.get(service) or ChainRow(service)

    def snapshot(self, service: str) -> Chain:
        """Return all that belongs to a service, in one fixed order."""
        return Chain(
            self.row(service),
            tuple(self.triggers[key] for key in sorted(self.triggers) if key[0] == service),
            tuple(self.timers[key] for key in sorted(self.timers) if key[0] == service),
            tuple(
                sorted(
                    (row for row in self.waiting.values() if row.service == service),
                    key=lambda row: (row.position, row.index, row.match),
                )
            ),
        )

    def apply(self, change: ChainChange) -> None:
        """Alter the tables as one change says."""
        match change:
            case MatchAdded(row):
                self.waiting[row.match] = row
            case MatchesGone(matches):
                for each in matches:
                    self.waiting.pop(each, None)
            case TimerSet(row):
                self.timers[row.service, row.trigger, row.condition] = row
            case TimersGone(service, trigger):
                for key in [key for key in self.timers if key[:2] == (service, trigger)]:
                    del self.timers[key]
            case ChainMoved(service, step, through, clock):
                self.chains[service] = replace(self.row(service), step=step, through=through, clock=clock)
            case TriggerSet() | TriggerChanged() | OwnMoved():
                self._change_trigger(change)
            case ServiceSet(service, version, tasks):
                self.chains[service] = replace(self.row(service), version=version, tasks=tasks)
            case ServicePauseSet(service, paused):
                self.chains[service] = replace(self.row(service), paused=paused)
            case _:
                assert_never(change)

    def _change_trigger(self, change: TriggerSet | TriggerChanged | OwnMoved) -> None:
        if isinstance(change, TriggerSet):
            self.triggers[change.row.service, change.row.trigger] = change.row
            return
        row = self.triggers.get((change.service, change.trigger))
        if row is None:
            return
        if isinstance(change, TriggerChanged):
            begins = row.begins if change.begins is None else change.begins
            row = replace(row, state=change.state, own=change.own, begins=begins, reason=change.reason)
        else:
            row = replace(row, own=change.own)
        self.triggers[change.service, change.trigger] = row


def move_topic(change: TopicMoved, topics: dict[tuple[str, int], TopicRow]) -> None:
    """Alter the rows of topics, by name and partition, as one change says."""
    key = change.more.topic, change.more.partition
    topics[key] = added(topics.get(key), change.more)
