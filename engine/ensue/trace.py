"""Cause and effect: what an event, run or invocation came from, and all that came of it."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal, assert_never, cast

import msgspec

from ensue.queries.fresh import fold_up
from ensue.queries.runs import participants_of
from ensue.queries.shown import ParticipantView, moment
from ensue_core.clock import to_datetime
from ensue_core.defaults import DEFAULTS
from ensue_core.errors import NotFound
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionMatched,
    CronTicked,
    InvocationCancelled,
    PollAnswered,
)
from ensue_core.ids import Id
from ensue_core.ports import EventQuery, InvocationQuery, RunQuery, Store
from ensue_core.records import Record
from ensue_core.rows import EventRow, InvocationRow, RunRow

__all__ = ["Node", "Trace", "last_root", "tail", "trace"]

NODES_MAX = 1_000
"""How many nodes a trace holds; where something is left out, that is said."""

Kind = Literal["event", "run", "invocation", "slot", "poll", "record"]


class Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event, run, invocation or cron slot, and what came of it, in log order.

    `name` is the event's code, the trigger, the task or the schedule. `status` is a run's outcome or an
    invocation's status. `seconds` is how long an invocation took from its first start to its end. `again` says
    that it stands higher up with its effects; `omitted` counts effects left out, at least so many.
    """

    kind: Kind
    id: str
    name: str
    time: datetime | None = None
    status: str = ""
    position: int = 0
    task: str = ""
    attempts: int = 0
    seconds: float | None = None
    error: str = ""
    author: str | None = None
    matched: int = 0
    participants: tuple[ParticipantView, ...] = ()
    target: bool = False
    again: bool = False
    omitted: int = 0
    children: tuple[Node, ...] = ()


class Trace(msgspec.Struct, frozen=True):
    """The tree from the root of causes down to `target`, and everything that came of the target."""

    target: str
    root: Node
    nodes: int
    omitted: int = 0


Subject = EventRow | RunRow | InvocationRow | Record


async def trace(store: Store, id: Id) -> Trace:
    """Return what an event, run, invocation, slot or other record came from and what came of it.

    A record of an attempt stands for its invocation, a waiting match for its source. Raises `NotFound`.
    """
    await fold_up(store)
    tracing = _Tracing(store)
    target = await tracing.find(id)
    if target is None:
        raise NotFound("event, run, invocation or record", id)
    spine = [target]
    while len(spine) <= DEFAULTS.cause_depth_max * 3 and (cause := await tracing.cause_of(spine[-1])) is not None:
        spine.append(cause)
    await tracing.spread(target)
    for effect, cause in pairwise(spine):
        tracing.effects[subject_id(cause)] = [effect]
    root = await tracing.node(spine[-1], subject_id(target), set())
    return Trace(subject_id(target), root, tracing.made, tracing.omitted_in_all)


async def last_root(store: Store) -> Id | None:
    """Return the id of the newest thing that nothing here caused; None in an empty log."""
    await fold_up(store)
    newest: list[tuple[int, Id]] = []
    for event in await store.views.events(EventQuery(limit=100)):
        if event.emitter is None:
            newest.append((event.position, event.id))
            break
    for created in await store.views.invocations(InvocationQuery(limit=100)):
        if created.run is None and created.emitter is None:
            newest.append((created.created, created.id))
            break
    tracing = _Tracing(store)
    for run in await store.views.runs(RunQuery(limit=100)):
        cause = await tracing.cause_of(run)
        if cause is None or isinstance(cause, Record):
            newest.append((run.position, run.id if cause is None else cause.id))
            break
    return max(newest, default=(0, None))[1]


def subject_id(subject: Subject) -> Id:
    """Return the id a subject goes by."""
    return subject.id


class _Tracing:
    """Gathers subjects and their effects, breadth first and bounded, then makes nodes of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.effects: dict[Id, list[Subject]] = {}
        self.omitted: dict[Id, int] = {}
        self.made = 0

    @property
    def omitted_in_all(self) -> int:
        return sum(self.omitted.values())

    async def find(self, id: Id) -> Subject | None:
        """Return what an id stands for."""
        for table in ("events", "runs", "invocations"):
            row = (await self._store.views.load(table, [(id,)])).get((id,))
            if row is not None:
                return cast(EventRow | RunRow | InvocationRow, row)
        record = await self._store.log.find(id)
        match record.fact if record else None:
            case AttemptStarted() | AttemptEnded() | InvocationCancelled() as fact:
                return await self.find(fact.invocation)
            case ConditionMatched() as fact:
                return await self.find(fact.source)
            case _:
                return record

    async def cause_of(self, subject: Subject) -> Subject | None:
        """Return what directly brought a subject about; of a join, its first participant."""
        match subject:
            case EventRow():
                cause = subject.emitter or subject.cause
                return await self.find(Id(cause)) if cause and cause != subject.id else None
            case RunRow():
                first = (await self._store.views.participants(subject.id))[:1]
                return await self.find(first[0].source) if first else None
            case InvocationRow():
                cause = subject.run or subject.emitter
                return await self.find(cause) if cause else None
            case Record():
                return None
            case _:
                assert_never(subject)

    async def spread(self, target: Subject) -> None:
        """Gather the effects of a subject, level by level, until there are no more or too many."""
        waiting, seen = deque([target]), {subject_id(target)}
        while waiting:
            subject = waiting.popleft()
            effects = await self._effects_of(subject)
            kept = effects[: max(NODES_MAX - len(seen), 0)]
            self.effects[subject_id(subject)] = kept
            if len(kept) < len(effects):
                self.omitted[subject_id(subject)] = len(effects) - len(kept)
            for each in kept:
                if subject_id(each) not in seen:
                    seen.add(subject_id(each))
                    waiting.append(each)

    async def _effects_of(self, subject: Subject) -> list[Subject]:
        views, id = self._store.views, subject_id(subject)
        effects: list[Subject] = []
        if isinstance(subject, RunRow):
            if subject.invocation is not None:
                loaded = await views.load("invocations", [(subject.invocation,)])
                effects += cast(Sequence[InvocationRow], tuple(loaded.values()))
            return effects
        effects += await views.runs(RunQuery(source=id, limit=NODES_MAX + 1))
        if isinstance(subject, InvocationRow):
            effects += await views.events(EventQuery(emitter=id, limit=NODES_MAX + 1))
            effects += await views.invocations(InvocationQuery(emitter=id, limit=NODES_MAX + 1))
        return sorted(effects, key=_place)

    async def node(self, subject: Subject, target: Id, shown: set[Id]) -> Node:
        """Make the node of a subject and of all that hangs below it."""
        id = subject_id(subject)
        node = await self._alone(subject)
        self.made += 1
        if id in shown:
            return msgspec.structs.replace(node, again=True)
        shown.add(id)
        children = [await self.node(each, target, shown) for each in self.effects.get(id, ())]
        return msgspec.structs.replace(
            node, target=id == target, children=tuple(children), omitted=self.omitted.get(id, 0)
        )

    async def _alone(self, subject: Subject) -> Node:
        match subject:
            case EventRow():
                return Node(
                    kind="event", id=subject.id, name=subject.code, time=to_datetime(subject.time),
                    position=subject.position, matched=subject.matched,
                )  # fmt: skip
            case RunRow():
                rows = await self._store.views.participants(subject.id)
                return Node(
                    kind="run", id=subject.id, name=subject.trigger, time=to_datetime(subject.time),
                    status=subject.outcome, position=subject.position, task=subject.task, error=subject.reason,
                    author=subject.author, participants=await participants_of(self._store, rows),
                )  # fmt: skip
            case InvocationRow():
                return Node(
                    kind="invocation", id=subject.id, name=subject.task, time=moment(subject.registered),
                    status=subject.status, position=subject.created, attempts=subject.attempts,
                    seconds=(subject.ended - subject.started) / 1e6 if subject.ended and subject.started else None,
                    error=f"{subject.error_type}: {subject.error_message}" if subject.error_type else "",
                )  # fmt: skip
            case Record():
                return _of_record(subject)
            case _:
                assert_never(subject)


def _place(subject: Subject) -> int:
    return subject.created if isinstance(subject, InvocationRow) else subject.position


def _of_record(record: Record) -> Node:
    fact = record.fact
    if isinstance(fact, CronTicked):
        return Node(
            kind="slot",
            id=record.id,
            name=f"slot of {fact.trigger}",
            time=to_datetime(fact.slot),
            position=record.position,
        )
    if isinstance(fact, PollAnswered):
        return Node(
            kind="poll",
            id=record.id,
            name=f"poll of {fact.trigger}",
            time=to_datetime(record.time),
            position=record.position,
        )
    return Node(kind="record", id=record.id, name=record.kind, time=to_datetime(record.time), position=record.position)


async def tail(
    store: Store, *, after: int | None = None, kinds: Collection[str] | None = None
) -> AsyncIterator[Record]:
    """Follow the log: yield its records past a position (its end, by default) as they come, for ever.

    `kinds` are names of facts, such as "EventEmitted"; None means all.
    """
    at = (await store.log.head()).position if after is None else after
    while True:
        records = await store.log.read(at, DEFAULTS.page_records_max)
        for record in records:
            if kinds is None or record.kind in kinds:
                yield record
        if records:
            at = records[-1].position
        else:
            await store.log.wait(at, DEFAULTS.heartbeat_seconds)
