"""What a backtest finds: runs gained, lost, changed and unchanged against what really happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from ensue_core.facts import DepthExceeded, Fact, Participant, RunFailed, TriggerFired
from ensue_core.records import Draft, Record
from ensue_core.values import canonical, decode

__all__ = ["Backtested", "Run", "Sample", "Tally", "TriggerBacktest"]

Happened = TriggerFired | RunFailed | DepthExceeded
Kind = Literal["gained", "lost", "changed"]
Key = tuple[str, tuple[tuple[object, ...], ...]]
"""A trigger and the occurrences that took part: what makes two runs the same, whatever their conditions are called."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One run that is gained, lost or changed: when, who took part, and what decided then and now."""

    kind: Kind
    trigger: str
    time: datetime
    sources: tuple[str, ...]
    then: str
    now: str


class TriggerBacktest(msgspec.Struct, frozen=True, kw_only=True):
    """One trigger: `then` and `now` count its runs. `state`: new, gone, changed or the same since it was declared."""

    trigger: str
    state: Literal["new", "gone", "changed", "same"]
    then: int = 0
    now: int = 0
    unchanged: int = 0
    changed: int = 0
    gained: int = 0
    lost: int = 0


class Backtested(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a backtest of the log up to `position`."""

    namespace: str
    service: str
    position: int
    since: datetime | None
    until: datetime | None
    triggers: tuple[TriggerBacktest, ...]
    samples: tuple[Sample, ...] = ()

    @property
    def changes(self) -> int:
        """How many runs are gained, lost or changed."""
        return sum(each.gained + each.lost + each.changed for each in self.triggers)


class Run(msgspec.Struct, frozen=True, gc=False):
    """A run, recorded or decided now, as far as it is compared."""

    trigger: str
    occurred: int
    outcome: str
    arguments: bytes
    participants: tuple[Participant, ...]
    says: str = ""


class Tally:
    """Counts runs as they come, from either side in any order. Keeps those that have no counterpart yet."""

    def __init__(self, since: int | None, until: int | None) -> None:
        self.since, self.until = since, until
        self.counts: dict[str, dict[str, int]] = {}
        self.lost: dict[Key, Run] = {}
        self.gained: dict[Key, Run] = {}
        self.changed: list[tuple[Run, Run]] = []

    def then(self, record: Record) -> None:
        """Count a run that really happened; what people fired by hand is no decision of a trigger."""
        self._add(record.fact, "then", self.lost, self.gained)

    def now(self, said: Draft) -> None:
        """Count a run that is decided now."""
        self._add(said.fact, "now", self.gained, self.lost)

    def _add(self, fact: Fact, side: str, mine: dict[Key, Run], theirs: dict[Key, Run]) -> None:
        if not isinstance(fact, Happened) or not fact.participants:
            return
        if not isinstance(fact, DepthExceeded) and fact.author is not None:
            return
        run = _run(fact)
        if (self.since is not None and run.occurred < self.since) or (
            self.until is not None and run.occurred >= self.until
        ):
            return
        counts = self.counts.setdefault(run.trigger, {})
        counts[side] = counts.get(side, 0) + 1
        key = _key(run)
        other = theirs.pop(key, None)
        if other is None:
            mine[key] = run
            return
        before, after = (run, other) if side == "then" else (other, run)
        same = _same(before, after)
        name = "unchanged" if same else "changed"
        counts[name] = counts.get(name, 0) + 1
        if not same:
            self.changed.append((before, after))


def _run(fact: Happened) -> Run:
    occurred = max(each.occurred for each in fact.participants)
    match fact:
        case TriggerFired():
            return Run(fact.trigger, occurred, "fired", bytes(fact.arguments), fact.participants)
        case RunFailed():
            says = f"{fact.reason}: {fact.error}"
            return Run(fact.trigger, occurred, "failed", b"", fact.participants, says)
        case DepthExceeded():
            return Run(fact.trigger, occurred, "too deep", b"", fact.participants)


def _key(run: Run) -> Key:
    return run.trigger, tuple(sorted(map(_place, run.participants), key=repr))


def _place(each: Participant) -> tuple[object, ...]:
    return ("cron", each.occurred) if each.kind == "cron" else (each.position, each.index)


def _same(one: Run, other: Run) -> bool:
    if one.outcome != other.outcome:
        return False
    if one.arguments == other.arguments:
        return True
    return canonical(decode(one.arguments)) == canonical(decode(other.arguments))


def names(participants: Sequence[Participant]) -> tuple[str, ...]:
    """Return who took part, as people would look them up."""
    return tuple(f"{each.kind} {each.source}" for each in participants)
