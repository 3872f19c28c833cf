"""Deciding on recorded history: the scheduler's own decisions, with slots as they ticked and code asked patiently."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from ensue.scheduler.asking import Answer, Asker, Call
from ensue.scheduler.decide import Decider
from ensue.scheduler.plan import Plan, decided
from ensue_core.archive import Archive
from ensue_core.changes import TimerSet
from ensue_core.declarations import OnCron
from ensue_core.facts import CronTicked, Through, TicksSkipped
from ensue_core.ids import derive
from ensue_core.records import Record, draft
from ensue_core.rows import ScheduleRow, TimerRow

Slots = dict[tuple[str, str], deque[CronTicked | TicksSkipped]]
"""What became of a schedule's slots, by (trigger, condition), in order."""


class PastDecider(Decider):
    """Decides as the scheduler does, but a schedule that ran then ticks as it did: who was awake is outside time."""

    def __init__(self, *arguments: Any, slots: Slots) -> None:
        super().__init__(*arguments)
        self._slots = slots

    def _slot(self, due: int, trigger: str, condition: str, now: int) -> None:
        """Tick as recorded; a schedule that did not exist then ticks as if somebody had always been awake."""
        recorded = self._slots.get((trigger, condition))
        if recorded is None:
            super()._slot(due, trigger, condition, now)
            return
        while recorded and _due(recorded[0]) < due:
            recorded.popleft()
        if not recorded or _due(recorded[0]) > due:
            # Nobody decided about this slot: the schedule stood still, or was declared anew.
            after = _due(recorded[0]) if recorded else now + 1
            self._state.apply(TimerSet(TimerRow(self._service, trigger, condition, after)))
            return
        following = self._one(trigger, condition, recorded.popleft())
        # Slots that were kept of many missed ones tick together, and the schedule goes on after them all.
        while recorded and isinstance(recorded[0], CronTicked) and recorded[0].slot < following:
            self._one(trigger, condition, recorded.popleft())

    def _one(self, trigger: str, condition: str, fact: CronTicked | TicksSkipped) -> int:
        if isinstance(fact, CronTicked):
            spec = self._state.triggers[trigger].spec
            assert isinstance(spec.conditions[condition], OnCron)
            self._tick(spec, condition, fact.slot, fact.next)
        else:
            name = derive(fact.last, "skipped", self._namespace, trigger, condition, fact.first)
            self._fold(draft(name, fact))
        return fact.next


def _due(fact: CronTicked | TicksSkipped) -> int:
    return fact.slot if isinstance(fact, CronTicked) else fact.first


class Past:
    """What deciding reads beside its plan: the archive's records, and when schedules last ticked as of then."""

    def __init__(self, archive: Archive) -> None:
        self.namespace = archive.namespace
        self.log: Past = self
        self.views: Past = self
        self.last: dict[tuple[str, str, str], int] = {}
        self._archive = archive

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return records by position."""
        return await self._archive.read_at(positions)

    async def schedules(self) -> Sequence[ScheduleRow]:
        """Return when each schedule last ticked."""
        return [ScheduleRow(*key, "", "", last=last) for key, last in self.last.items()]


class PatientAsker:
    """Asks user code with its deadline, and never pauses a trigger for what it does."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def ask(self, calls: Sequence[Call]) -> list[Answer]:
        """Return an answer for each call; one that was skipped counts as one that took too long."""
        answers = await self._asker.ask(calls)
        for trigger in {call.trigger for call in calls}:
            self._asker.reset(trigger)
        return [
            replace(each, trips=False, skipped=False, reason=each.reason if not each.skipped else "timeout")
            if each.trips or each.skipped
            else each
            for each in answers
        ]

    def reset(self, trigger: str) -> None:
        """Nothing is counted."""

    def close(self) -> None:
        """Let go of the asker."""
        self._asker.close()


def cut(plan: Plan, end: Through, ends: Mapping[str, Through]) -> Plan:
    """Return what a Step that ended at `end` decided of a plan; a trigger that was paused in it, up to its own end."""
    if not end.inside and not ends:
        return plan
    entries = [
        replace(
            entry,
            candidates=tuple(
                each
                for each in entry.candidates
                if passed(ends.get(each.spec.id, end), entry.record, each.occurrence.index, each.spec.id)
            ),
            closes=tuple(
                name for name in entry.closes if entry.record.position <= ends.get(name, end).position
            ),
        )
        for entry in plan.entries
    ]  # fmt: skip
    return replace(plan, entries=tuple(entries))


def passed(end: Through, record: Record, index: int, trigger: str) -> bool:
    """Whether an occurrence was decided for a trigger by a Step that read so far."""
    if record.position <= end.position:
        return True
    return end.inside and record.position == end.position + 1 and decided(end, index, trigger)
