"""Declaring: what a program's set of triggers does to a chain. Pure.

What is missing retires, what is new starts, what is unchanged keeps its waiting matches and timers. A program
that takes over from another version pauses what it lacks and retires nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ensue.scheduler.cron import next_slot
from ensue.scheduler.state import ChainState
from ensue_core.declarations import OnCron, OnPoll, TriggerSpec
from ensue_core.defaults import Defaults
from ensue_core.errors import AnotherProgram, StartNeeded
from ensue_core.facts import (
    Fact,
    ServiceDeclared,
    Through,
    TriggerDeclared,
    TriggerPaused,
    TriggerRetired,
)
from ensue_core.ids import digest
from ensue_core.rows import TriggerRow


class Wanted(msgspec.Struct, frozen=True):
    """What a program declares: its version, tasks and triggers by id, with `start=` times as positions."""

    service: str
    version: str
    tasks: tuple[str, ...]
    triggers: Mapping[str, TriggerSpec]


def is_current(state: ChainState, wanted: Wanted) -> bool:
    """Whether a program is the one that was declared last."""
    return state.row.version == wanted.version


def declare(
    state: ChainState,
    wanted: Wanted,
    namespace: str,
    head: int,
    now: int,
    defaults: Defaults,
    *,
    takeover: bool = False,
    replace: bool = False,
) -> list[Fact]:
    """Return the facts that make a program current; none where it is and nothing differs.

    Raises `AnotherProgram` where it shares no task with the program declared last, and `StartNeeded` where a
    first declaration would cover a long past.
    """
    row = state.row
    if row.tasks and not replace and not set(row.tasks) & set(wanted.tasks):
        raise AnotherProgram(namespace, wanted.service, row.tasks)
    facts: list[Fact] = []
    for trigger in sorted(wanted.triggers):
        fact = _declared(state, wanted, trigger, head, now, defaults)
        if fact is not None:
            facts.append(fact)
    for trigger in sorted(state.triggers):
        gone = state.triggers[trigger]
        if trigger in wanted.triggers or gone.state == "retired":
            continue
        if not takeover:
            facts.append(TriggerRetired(wanted.service, trigger, gone.own or state.row.through))
        elif gone.state == "active":
            own = gone.own or state.row.through
            facts.append(TriggerPaused(wanted.service, trigger, own, "takeover", "engine"))
    if not facts and is_current(state, wanted):
        return []
    declared = ServiceDeclared(wanted.service, wanted.version, wanted.tasks, tuple(sorted(wanted.triggers)), takeover)
    return [*facts, declared]


def _declared(
    state: ChainState, wanted: Wanted, trigger: str, head: int, now: int, defaults: Defaults
) -> TriggerDeclared | None:
    """Return the fact for one trigger that the program has; None where nothing about it changes."""
    spec, known = wanted.triggers[trigger], state.triggers.get(trigger)
    if known is None or known.state == "retired":
        begins, own = _begin(state, spec, head, defaults, first=not state.row.version)
        if known is not None and known.own is not None and begins < known.own.position + known.own.inside:
            # It was here before, and has been asked up to there: what it decided then stands.
            begins = known.own.position
            own = known.own if begins < state.row.through.position else None
        return TriggerDeclared(
            wanted.service, trigger, spec.version, spec, "active", begins, own,
            {**timers_from(spec, now), **polls_from(spec, now)}, dict.fromkeys(polls_from(spec, now), "[]"),
        )  # fmt: skip
    back = known.state == "paused" and known.reason == "takeover"
    if known.version == spec.version and not back:
        return None
    return TriggerDeclared(
        wanted.service, trigger, spec.version, spec, "active" if back else known.state, known.begins, known.own,
        *_kept_timers(state, known, spec, now),
    )  # fmt: skip


def _begin(
    state: ChainState, spec: TriggerSpec, head: int, defaults: Defaults, *, first: bool
) -> tuple[int, Through | None]:
    """Return from which position a new trigger counts, and its own `through` where it lags behind the chain."""
    through = state.row.through
    match spec.start:
        case "now":
            begins = head
        case "beginning":
            begins = 0
        case int() as position:
            begins = position
        case None if first:
            hears = any(not isinstance(each, (OnCron, OnPoll)) for each in spec.conditions.values())
            if hears and head > defaults.first_declaration_records_max:
                raise StartNeeded(spec.id, head, defaults.first_declaration_records_max)
            begins = 0
        case None:
            begins = head
    lags = begins < through.position
    return begins, (Through((begins,)) if lags else None)


def timers_from(spec: TriggerSpec, now: int) -> dict[str, int]:
    """Return the first slot after `now` of each cron condition."""
    return {name: next_slot(each.expression, now) for name, each in spec.conditions.items() if isinstance(each, OnCron)}


def polls_from(spec: TriggerSpec, now: int) -> dict[str, int]:
    """Return the first slot after `now` of each poll: each has a place of its own, so that many do not meet."""
    return {
        name: now + 1 + int(digest("poll", spec.id, name)[:12], 16) % each.every
        for name, each in spec.conditions.items()
        if isinstance(each, OnPoll)
    }


def _kept_timers(
    state: ChainState, known: TriggerRow, spec: TriggerSpec, now: int
) -> tuple[dict[str, int], dict[str, str]]:
    """Keep the timers of unchanged conditions, and what their polls remember; start those of new ones."""
    fresh = timers_from(spec, now)
    timers = {name: state.timers.get((known.trigger, name), due) for name, due in fresh.items()}
    notes: dict[str, str] = {}
    for name, due in polls_from(spec, now).items():
        row = state.polls.get((known.trigger, name))
        timers[name], notes[name] = (due, "[]") if row is None else (row.due, row.note)
    return timers, notes
