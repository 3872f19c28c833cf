"""The plan of a Step: which records it passes, and which triggers must be asked about what in them. Pure.

A batch is cut at records; inside one, when an event is heard by more triggers than a Step may hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ensue.scheduler.listening import Ear, Listening
from ensue_core.declarations import TriggerSpec
from ensue_core.facts import Through
from ensue_core.ids import Id
from ensue_core.records import Record
from ensue_projections.occurrences import Occurrence, ended_invocation, occurrences_of


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One trigger that must be asked about one occurrence, and which of its conditions listen."""

    occurrence: Occurrence
    spec: TriggerSpec
    conditions: tuple[Ear, ...]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One heard record: its candidates in order, and the joins that close after it."""

    record: Record
    candidates: tuple[Candidate, ...]
    closes: tuple[str, ...] = ()
    ended: Id | None = None


class Plan(msgspec.Struct, frozen=True, gc=False):
    """What a Step is to decide: through where, at which clock."""

    entries: tuple[Entry, ...]
    through: Through
    time: int
    """The time of the last record read, 0 where none was."""
    whole: bool
    """Whether every record that was offered is passed."""

    @property
    def candidates(self) -> int:
        """How many questions of (occurrence, trigger) it holds."""
        return sum(len(entry.candidates) for entry in self.entries)


def plan(
    records: Sequence[Record],
    start: Through,
    listening: Listening,
    begins: Mapping[str, int],
    candidates_max: int,
) -> Plan:
    """Lay out what must be asked about records that follow `start`.

    `begins` says from which position on a trigger counts (records past it); a trigger it lacks is not asked.
    """
    entries: list[Entry] = []
    passed: Record | None = None
    count = 0
    heard = listening.heard
    for record in records:
        if not heard(record):
            passed = record
            continue
        after = start if passed is None and start.inside and record.position == start.position + 1 else None
        candidates: list[Candidate] = []
        cut: Through | None = None
        for occurrence in occurrences_of(record):
            for spec, conditions in listening.listeners(occurrence):
                if spec.id not in begins or record.position <= begins[spec.id]:
                    continue
                if after is not None and decided(after, occurrence.index, spec.id):
                    continue
                if count >= candidates_max:
                    cut = _inside(record.position, candidates, after)
                    break
                candidates.append(Candidate(occurrence, spec, conditions))
                count += 1
            if cut is not None:
                break
        if cut is not None:
            if candidates:
                entries.append(Entry(record, tuple(candidates)))
                return Plan(tuple(entries), cut, record.time, False)
            return Plan(tuple(entries), _past(passed, start), passed.time if passed else 0, False)
        closes = listening.closes(record)
        if closes:
            closes = tuple(name for name in closes if name in begins)
        if candidates or closes:
            entries.append(Entry(record, tuple(candidates), closes, ended_invocation(record) if closes else None))
        passed = record
    return Plan(tuple(entries), _past(passed, start), passed.time if passed else 0, True)


def _past(passed: Record | None, start: Through) -> Through:
    """Return the `through` that has passed a record whole; where it began if none was."""
    return start if passed is None else Through((passed.position,))


def decided(after: Through, index: int, trigger: str) -> bool:
    """Whether an earlier Step has decided this occurrence for this trigger."""
    return index < after.occurrence or (index == after.occurrence and trigger <= after.trigger)


def _inside(position: int, candidates: Sequence[Candidate], after: Through | None) -> Through:
    """Return the `through` of a cut inside a record: the last occurrence and trigger decided."""
    if candidates:
        last = candidates[-1]
        return Through((position - 1,), last.occurrence.index, last.spec.id)
    return after or Through((position - 1,))
