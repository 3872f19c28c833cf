"""One turn of a lane: from a plan to the facts of a Step. Asks user code twice at most: filters, then providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ensue.program import DeclaredTrigger, Program
from ensue.scheduler.arguments import Making, finish, prepare
from ensue.scheduler.asking import Answer, Asker, Call
from ensue.scheduler.contexts import Participated, subject_of
from ensue.scheduler.decide import Decider, Firing, answer_key
from ensue.scheduler.evaluate import Question, Upstream, evaluate, questions_of, upstream_positions
from ensue.scheduler.plan import Plan
from ensue.scheduler.sources import Sources
from ensue.scheduler.state import ChainState
from ensue_core.declarations import Fields, Provided
from ensue_core.defaults import Defaults
from ensue_core.facts import Participant, Through, TriggerPaused
from ensue_core.ids import derive
from ensue_core.ports import FOREVER
from ensue_core.records import Draft, Record, draft
from ensue_projections.chain import chain_changes
from ensue_projections.occurrences import occurrences_of, slot_occurrence


class Turn(msgspec.Struct):
    """The facts of a Step on its way, whether user code was asked, and the tasks whose slots were reserved."""

    facts: list[Draft]
    asked: bool
    started: list[str]


async def decide_turn(
    store: Sources,
    state: ChainState,
    lane: str | None,
    plan: Plan,
    clock: int | None,
    triggers: Mapping[str, DeclaredTrigger],
    program: Program,
    defaults: Defaults,
    asker: Asker,
    slots: Any,
    attentive_since: int,
    horizon: int = FOREVER,
    decider: Callable[..., Decider] = Decider,
) -> Turn:
    """Ask, decide and make arguments. Moves `state` along: where the Step turns out void, load it again."""
    known = {entry.record.position: entry.record for entry in plan.entries}
    await _fetch(store, known, upstream_positions(plan))
    upstream = Upstream(known)
    evaluated = evaluate(plan, upstream)
    questions = questions_of(evaluated)
    answers: dict[Any, Answer] = {}
    if questions:
        calls = [_asking(question, triggers, program, upstream) for question in questions]
        answered = await asker.ask(calls)
        answers = {answer_key(question): answer for question, answer in zip(questions, answered, strict=True)}
    deciding = decider(store.namespace, state, lane, defaults, attentive_since, answers, horizon)
    outcomes = deciding.decide(plan, evaluated, clock)
    firings = [each for each in outcomes if isinstance(each, Firing)]
    makings = await make(store, firings, known, triggers, program)
    calls = [making.call for making in makings if making.call is not None]
    made = iter(await asker.ask(calls)) if calls else iter(())
    turn = Turn([], bool(questions), [])

    def reserve(task: str) -> bool:
        if not slots.reserve(task):
            return False
        turn.started.append(task)
        return True

    following = iter(makings)
    tripped: dict[str, None] = {}
    for outcome in outcomes:
        if not isinstance(outcome, Firing):
            turn.facts.append(outcome)
            continue
        making = next(following)
        answer = next(made) if making.call is not None else None
        if answer is not None and answer.trips:
            tripped[outcome.spec.id] = None
        turn.facts += finish(making, answer, program, state.row.service, defaults.cause_depth_max, reserve, slots.name)
    for trigger in tripped:
        _pause(store.namespace, state, trigger, plan.through, turn)
    return turn


async def _fetch(store: Sources, known: dict[int, Record], positions: set[int]) -> None:
    """Read the records that are needed and not at hand."""
    missing = [position for position in positions if position not in known]
    if missing:
        known.update(await store.log.read_at(missing))


def _asking(question: Question, triggers: Mapping[str, DeclaredTrigger], program: Program, upstream: Upstream) -> Call:
    trigger = triggers[question.trigger]
    function = trigger.functions[question.function]

    def call() -> Any:
        return function(subject_of(question, trigger, program, upstream))

    return Call(question.trigger, call)


async def make(
    store: Sources,
    firings: Sequence[Firing],
    known: dict[int, Record],
    triggers: Mapping[str, DeclaredTrigger],
    program: Program,
) -> list[Making]:
    """Put together who took part in each run, reading the records of matches that waited, and start its arguments."""
    # A slot stands at the position of the last record before it, which may well be one that waited.
    joined = [firing.fired.participants for firing in firings if len(firing.fired.participants) > 1]
    waited = {each.position for participants in joined for each in participants if each.kind != "cron"}
    await _fetch(store, known, waited)
    took_part = [[_participated(each, firing, known) for each in firing.fired.participants] for firing in firings]
    await _know_last_slots(store, took_part, firings)
    calls = {part.occurrence.created for parts in took_part for part in parts if part.occurrence.created}
    await _fetch(store, known, calls)
    upstream = Upstream(known)
    return [
        prepare(firing, program, triggers, parts, upstream) for firing, parts in zip(firings, took_part, strict=True)
    ]


async def _know_last_slots(store: Sources, took_part: list[list[Participated]], firings: Sequence[Firing]) -> None:
    """Tell providers of schedules when the schedule last ticked, as far as the query views know."""
    wanting = [
        (firing.spec.id, parts)
        for firing, parts in zip(firings, took_part, strict=True)
        if any(part.occurrence.kind == "cron" and not part.occurrence.previous for part in parts)
        and any(isinstance(each, (Provided, Fields)) for each in firing.spec.providers)
    ]
    if not wanting:
        return
    last = {(row.trigger, row.condition): row.last for row in await store.views.schedules()}
    for trigger, parts in wanting:
        for number, part in enumerate(parts):
            occurrence = part.occurrence
            before = last.get((trigger, part.condition), 0)
            if occurrence.kind == "cron" and not occurrence.previous and before < occurrence.slot:
                parts[number] = Participated(part.condition, replace(occurrence, previous=before))


def _participated(each: Participant, firing: Firing, known: Mapping[int, Record]) -> Participated:
    occurrence = firing.occurrence
    if each.kind == "cron":
        return Participated(each.condition, slot_occurrence(each.source, each.occurred, each.position))
    if each.position != occurrence.position or each.index != occurrence.index:
        occurrence = occurrences_of(known[each.position])[each.index]
    return Participated(each.condition, occurrence)


def _pause(namespace: str, state: ChainState, trigger: str, through: Through, turn: Turn) -> None:
    """Pause a trigger whose provider ran past its deadline too often; this Step has decided what it passes."""
    fact = TriggerPaused(state.row.service, trigger, state.triggers[trigger].own or through, "timeouts", "engine")
    name = derive(state.row.clock, "paused", namespace, trigger, state.row.step, "provider")
    turn.facts.append(draft(name, fact))
    for change in chain_changes(Record(0, name, 0, fact)):
        state.apply(change)
