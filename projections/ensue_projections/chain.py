"""The chain view: a service's cursor, triggers, timers and waiting matches, folded from the facts of its Steps."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

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
from ensue_core.declarations import OnCron
from ensue_core.facts import (
    ConditionMatched,
    CronTicked,
    Decided,
    DepthExceeded,
    MatchesDropped,
    PollAnswered,
    RunFailed,
    ServiceDeclared,
    ServicePaused,
    ServiceResumed,
    TicksSkipped,
    TriggerDeclared,
    TriggerFired,
    TriggerPaused,
    TriggerResumed,
    TriggerRetired,
    WindowExpired,
)
from ensue_core.ids import Id
from ensue_core.records import Record
from ensue_core.rows import TimerRow, TriggerRow, WaitingRow

NO_POLLS: Mapping[str, str] = {}


def chain_changes(record: Record) -> tuple[ChainChange, ...]:
    """Return what a record does to its service's chain view; nothing for records outside Steps."""
    match record.fact:
        case TriggerFired() | RunFailed() | DepthExceeded() as fact:
            # A lone participant never waited.
            waited = len(fact.participants) > 1
            return (MatchesGone(tuple(each.match for each in fact.participants)),) if waited else ()
        case ConditionMatched() as fact:
            return (MatchAdded(_waiting(record, fact)),)
        case WindowExpired() | MatchesDropped() as fact:
            return (MatchesGone(fact.matches),)
        case CronTicked() | TicksSkipped() as fact:
            return (TimerSet(TimerRow(fact.service, fact.trigger, fact.condition, fact.next)),)
        case PollAnswered() as fact:
            note = flying_note((*fact.flying, (fact.digest, record.id)))
            return (TimerSet(TimerRow(fact.service, fact.trigger, fact.condition, fact.next, note)),)
        case Decided() as fact:
            moved = ChainMoved(fact.service, record.id, fact.through, fact.clock)
            own = (OwnMoved(fact.service, name, through) for name, through in sorted(fact.own.items()))
            return (*own, moved)
        case _:
            return _declared(record)


def _waiting(record: Record, fact: ConditionMatched) -> WaitingRow:
    return WaitingRow(
        match=record.id,
        service=fact.service,
        trigger=fact.trigger,
        condition=fact.condition,
        key=fact.key,
        kind=fact.kind,
        source=fact.source,
        position=fact.position,
        index=fact.index,
        occurred=fact.occurred,
        deadline=fact.deadline,
    )


def _declared(record: Record) -> tuple[ChainChange, ...]:
    """The rarer facts: who is declared, paused, resumed and retired."""
    match record.fact:
        case ServiceDeclared() as fact:
            return (ServiceSet(fact.service, fact.version, fact.tasks),)
        case TriggerDeclared() as fact:
            row = TriggerRow(
                service=fact.service,
                trigger=fact.trigger,
                version=fact.version,
                spec=fact.spec,
                state=fact.state,
                begins=fact.begins,
                own=fact.own,
            )
            timers = _timers(fact.service, fact.trigger, fact.timers, fact.polls)
            return (TimersGone(fact.service, fact.trigger), TriggerSet(row), *timers)
        case TriggerRetired() as fact:
            return (
                TimersGone(fact.service, fact.trigger),
                TriggerChanged(fact.service, fact.trigger, "retired", fact.own),
            )
        case TriggerPaused() as fact:
            return (TriggerChanged(fact.service, fact.trigger, "paused", fact.own, reason=fact.reason),)
        case TriggerResumed() as fact:
            changed = TriggerChanged(fact.service, fact.trigger, "active", fact.own, fact.begins)
            return (changed, *_timers(fact.service, fact.trigger, fact.timers))
        case ServicePaused() as fact:
            return (ServicePauseSet(fact.service, True),)
        case ServiceResumed() as fact:
            timers = tuple(
                timer for name in sorted(fact.timers) for timer in _timers(fact.service, name, fact.timers[name])
            )
            return (ServicePauseSet(fact.service, False), *timers)
        case _:
            return ()


def _timers(
    service: str, trigger: str, timers: dict[str, int], polls: Mapping[str, str] = NO_POLLS
) -> tuple[TimerSet, ...]:
    return tuple(
        TimerSet(TimerRow(service, trigger, name, due, polls.get(name, ""))) for name, due in sorted(timers.items())
    )


def flying_note(flying: tuple[tuple[str, Id], ...]) -> str:
    """Write which answers of a poll are unfinished as a timer's note."""
    return msgspec.json.encode(flying).decode()


def flying_of(note: str) -> tuple[tuple[str, Id], ...]:
    """Read a timer's note: digest and id of each unfinished answer, oldest first."""
    return _flying.decode(note)


_flying = msgspec.json.Decoder(tuple[tuple[str, Id], ...])


def cron_conditions(row: TriggerRow) -> dict[str, OnCron]:
    """Return a trigger's cron conditions by id."""
    return {name: each for name, each in row.spec.conditions.items() if isinstance(each, OnCron)}
