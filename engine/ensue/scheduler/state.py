"""A service's decision views in memory: what the scheduler decides on between two Steps.

It is built from one snapshot of the store and moved only by the facts of effective Steps; where a Step turns
out void it is thrown away and loaded again.
"""

from __future__ import annotations

import heapq

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
    TriggerChanged,
    TriggerSet,
)
from ensue_core.facts import Through
from ensue_core.ports import Chain
from ensue_core.rows import ChainRow, TimerRow, TriggerRow
from ensue_projections.waiting import Waiting


class ChainState:
    """The chain row, the triggers, their timers and the waiting matches.

    A *lane* is what is asked together: the chain's own (None), or one trigger that lags behind it.
    """

    def __init__(self, chain: Chain) -> None:
        self.row: ChainRow = chain.row
        self.triggers: dict[str, TriggerRow] = {row.trigger: row for row in chain.triggers}
        self.timers: dict[tuple[str, str], int] = {}
        self.polls: dict[tuple[str, str], TimerRow] = {}
        """Each poll condition: from which slot on an answer counts, and which answers are unfinished."""
        self.polls_changed = 0
        """Grows where polls, or the triggers they belong to, may have changed."""
        self.waiting = Waiting(chain.waiting)
        self.begins: dict[str, int] = {}
        """From where on each trigger of the chain's own lane counts. Kept, as every turn asks for it."""
        self._behind: set[str] = set()
        self._timed: dict[str, set[str]] = {}
        self._polled: dict[str, set[str]] = {}
        self._due: list[tuple[int, str, str]] = []
        for timer in chain.timers:
            self._set_timer(timer)
        for row in chain.triggers:
            self._sort_in(row)
            if _apart(row):
                self.waiting.set_apart(row.trigger)

    def lagging(self) -> list[TriggerRow]:
        """The active triggers that have a `through` of their own, in id order."""
        return [self.triggers[trigger] for trigger in sorted(self._behind)]

    def in_lane(self, trigger: str, lane: str | None) -> bool:
        """Whether a trigger is asked in a lane."""
        row = self.triggers.get(trigger)
        if row is None or row.state != "active":
            return False
        return (row.own is None) if lane is None else trigger == lane

    def next_timer(self, lane: str | None) -> tuple[int, str, str] | None:
        """Return the earliest slot of a lane: (due, trigger, condition)."""
        if lane is not None:
            own = [(self.timers[lane, name], lane, name) for name in self._timed.get(lane, ())]
            return min(own, default=None)
        while self._due:
            due, trigger, condition = self._due[0]
            if self.timers.get((trigger, condition)) != due or not self.in_lane(trigger, None):
                heapq.heappop(self._due)
                continue
            return self._due[0]
        return None

    def next_due(self) -> int | None:
        """Return the earliest log time at which the chain's own lane has something to decide."""
        timer = self.next_timer(None)
        deadline = self.waiting.next_deadline()
        # A deadline has passed only when the clock is past it; a slot is due at its own time.
        times = [timer[0]] if timer else []
        if deadline is not None:
            times.append(deadline + 1)
        return min(times, default=None)

    def apply(self, change: ChainChange) -> None:
        """Fold one change; repeating it changes nothing."""
        match change:
            case MatchAdded(row):
                self.waiting.add(row)
            case MatchesGone(matches):
                self.waiting.drop(matches)
            case TimerSet(row):
                self._set_timer(row)
            case TimersGone(_, trigger):
                for name in self._timed.pop(trigger, ()):
                    del self.timers[trigger, name]
                for name in self._polled.pop(trigger, ()):
                    del self.polls[trigger, name]
                    self.polls_changed += 1
            case TriggerSet(row):
                self._put(row)
            case TriggerChanged():
                self._change(change)
            case OwnMoved(_, trigger, own):
                self._put(replace(self.triggers[trigger], own=own))
            case ChainMoved(_, step, through, clock):
                self.row = replace(self.row, step=step, through=through, clock=clock)
            case ServiceSet(_, version, tasks):
                self.row = replace(self.row, version=version, tasks=tasks)
            case ServicePauseSet(_, paused):
                self.row = replace(self.row, paused=paused)

    def _change(self, change: TriggerChanged) -> None:
        row = self.triggers[change.trigger]
        begins = row.begins if change.begins is None else change.begins
        self._put(replace(row, state=change.state, own=change.own, begins=begins, reason=change.reason))

    def _put(self, row: TriggerRow) -> None:
        before = self.triggers.get(row.trigger)
        self.triggers[row.trigger] = row
        self.polls_changed += row.trigger in self._polled
        self._sort_in(row)
        if _apart(row) and (before is None or not _apart(before)):
            self.waiting.set_apart(row.trigger)
        elif not _apart(row) and before is not None and _apart(before):
            self.waiting.rejoin(row.trigger)
        for condition in self._timed.get(row.trigger, ()):
            heapq.heappush(self._due, (self.timers[row.trigger, condition], row.trigger, condition))

    def _sort_in(self, row: TriggerRow) -> None:
        """Note in which lane a trigger is asked."""
        active = row.state == "active"
        if active and row.own is None:
            self.begins[row.trigger] = row.begins
        else:
            self.begins.pop(row.trigger, None)
        if active and row.own is not None:
            self._behind.add(row.trigger)
        else:
            self._behind.discard(row.trigger)

    def _set_timer(self, row: TimerRow) -> None:
        trigger, condition, due = row.trigger, row.condition, row.due
        if row.note:
            self.polls[trigger, condition] = row
            self._polled.setdefault(trigger, set()).add(condition)
            self.polls_changed += 1
            return
        self.timers[trigger, condition] = due
        self._timed.setdefault(trigger, set()).add(condition)
        heapq.heappush(self._due, (due, trigger, condition))


def _apart(row: TriggerRow) -> bool:
    """Whether a trigger's deadlines are judged by its own `through`."""
    return row.own is not None and row.state != "retired"


def at(position: int) -> Through:
    """Return the `through` that has passed a position whole."""
    return Through((position,))
