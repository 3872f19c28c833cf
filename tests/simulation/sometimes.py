"""What a campaign must reach now and then, or its silence says nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ensue.worker.ends import QUARANTINED
from ensue_core.facts import (
    AttemptEnded,
    ConditionFailed,
    ConditionMatched,
    Decided,
    DepthExceeded,
    InvocationCancelled,
    MatchesDropped,
    PollAnswered,
    RunFailed,
    ServiceDeclared,
    ServiceResumed,
    TicksSkipped,
    TriggerFired,
    TriggerPaused,
    TriggerResumed,
    WindowExpired,
)

if TYPE_CHECKING:
    from tests.simulation.world import World

SOMETIMES: dict[str, float] = {
    "Step superseded": 0.10,
    "Step outrun": 0.01,
    "a Step of unknown outcome, done": 0.02,
    "a Step of unknown outcome, not done": 0.02,
    "a Step of unknown outcome, done later": 0.02,
    "end too late": 0.05,
    "attempt lost": 0.10,
    "lease lost while running": 0.03,
    "quarantined": 0.02,
    "retry": 0.20,
    "cancelled": 0.02,
    "released": 0.05,
    "duplicate suppressed": 0.10,
    "events with a success": 0.20,
    "join": 0.30,
    "join across a crash": 0.10,
    "join at the very end of its window": 0.02,
    "one occurrence on both sides": 0.05,
    "expired with one side present": 0.20,
    "overflow": 0.05,
    "closed with its source": 0.05,
    "too deep": 0.05,
    "filter failed": 0.10,
    "run failed": 0.10,
    "cut inside a record": 0.03,
    "poll answered": 0.20,
    "slots skipped": 0.05,
    "missed slot kept": 0.03,
    "trigger catches up": 0.05,
    "trigger paused": 0.10,
    "resumed from now": 0.03,
    "service resumed past what came": 0.01,
    "new version": 0.20,
    "rollback": 0.05,
    "takeover": 0.005,
    "fired by hand": 0.02,
    "graceful stop": 0.10,
    "crash": 0.50,
    "pause": 0.10,
    "outage": 0.10,
    "clock step": 0.03,
    "two services": 0.20,
}
"""In which share of the seeds, at least, each must be seen."""

SOMETIMES_ON_SQL: dict[str, float] = {
    "committed after a later number was drained": 0.30,
    "died inside a transaction": 0.30,
    "stood still for too long": 0.01,
}
"""The same of what only a simulated SQL server has."""

SOMETIMES_ON_KAFKA: dict[str, float] = {
    "record lost": 0.10,
    "record landed late": 0.10,
    "record landed twice": 0.10,
    "acknowledgement lost": 0.10,
    "record read twice": 0.10,
    "reading lost": 0.05,
    "leader away": 0.20,
}
"""The same of what only a simulated Kafka has."""

NEVER_ON_KAFKA = frozenset(
    {
        "Step outrun",  # a Step lets no more time pass than the horizon
        "a Step of unknown outcome, done",  # nobody can tell which of its copies did it
        "a Step of unknown outcome, not done",
        "a Step of unknown outcome, done later",
        "join at the very end of its window",  # brokers stamp what arrives, and nothing arrives at once
    }
)
"""What a simulated Kafka cannot show, or not be seen to show."""


def sometimes(world: World) -> set[str]:
    """Return what one run has reached."""
    counts = Counter({**world.counts, **world.trouble.counts})
    reached = {name for name, count in counts.items() if count}
    for words in ("done", "not done", "done later"):
        if counts[f"unknown, {words}: decisions.commit"]:
            reached.add(f"a Step of unknown outcome, {words}")
    reached.update(_in_the_log(world))
    if len(world.services) > 1:
        reached.add("two services")
    if world.server is not None:
        reached |= {name for name, count in world.server.counts.items() if count}
    if world.kafka is not None:
        reached |= {name for name, count in world.kafka.counts.items() if count}
    return reached & {*SOMETIMES, *SOMETIMES_ON_SQL, *SOMETIMES_ON_KAFKA}


def _in_the_log(world: World) -> Iterator[str]:
    crashes = [time for time, _ in world.crashes]
    matched: dict[str, int] = {}
    versions: dict[str, list[str]] = {}
    slots = {"CronTicked": world.evidence.seen["slot missed and kept"]}
    if slots["CronTicked"]:
        yield "missed slot kept"
    for record in world.space.records:
        fact = record.fact
        match fact:
            case ConditionMatched():
                matched[record.id] = record.time
            case TriggerFired() if len(fact.participants) > 1:
                yield "join"
                began = min(matched.get(each.match, record.time) for each in fact.participants)
                if any(began < time <= record.time for time in crashes):
                    yield "join across a crash"
                if len({(each.position, each.index) for each in fact.participants}) == 1:
                    yield "one occurrence on both sides"
                times = [each.occurred for each in fact.participants]
                if max(times) - min(times) in (10_000_000, 3_000_000, 5_000_000, 4_000_000, 9_000_000):
                    yield "join at the very end of its window"
            case TriggerFired() if fact.author is not None:
                yield "fired by hand"
            case WindowExpired():
                yield "expired with one side present"
            case MatchesDropped():
                yield "overflow" if fact.reason == "overflow" else "closed with its source"
            case DepthExceeded():
                yield "too deep"
            case ConditionFailed():
                yield "filter failed"
            case RunFailed():
                yield "run failed"
            case TicksSkipped():
                yield "slots skipped"
            case PollAnswered():
                yield "poll answered"
            case Decided():
                if fact.through.inside:
                    yield "cut inside a record"
                if any(own is not None for own in fact.own.values()):
                    yield "trigger catches up"
            case AttemptEnded():
                yield from _ends(fact)
                if fact.status == "SUCCESS" and world.emitted.get((fact.invocation, fact.attempt)):
                    yield "events with a success"
            case InvocationCancelled():
                yield "cancelled"
            case TriggerPaused():
                yield "trigger paused"
            case TriggerResumed() if fact.own is None:
                yield "resumed from now"
            case ServiceResumed() if fact.skipped:
                yield "service resumed past what came"
            case ServiceDeclared():
                before = versions.setdefault(fact.service, [])
                if before and before[-1] != fact.version:
                    yield "rollback" if fact.version in before else "new version"
                before.append(fact.version)
                if fact.takeover:
                    yield "takeover"
            case _:
                pass


def _ends(fact: AttemptEnded) -> Iterator[str]:
    if fact.status in ("LOST", "RETRY", "RELEASED"):
        yield {"LOST": "attempt lost", "RETRY": "retry", "RELEASED": "released"}[fact.status]
    if fact.failure is not None and fact.failure.type == QUARANTINED:
        yield "quarantined"
