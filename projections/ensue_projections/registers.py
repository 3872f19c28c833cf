"""Registers: of many requests that come in one order, which count, and which facts stand then. Pure.

The first draft of an id stands. The first start of the current attempt owns it; an end counts for the attempt that is
current and started, from its owner. A Step counts if it follows the last one that counted, an ingested batch if its
source offset stands where it begins. What does not count leaves nothing behind: so a request that comes again, or late,
or from a program long dead, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

import msgspec
from msgspec.structs import replace

from ensue_core.changes import WorkAdded, WorkEnded, WorkReopened, WorkStarted
from ensue_core.defaults import SECOND
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    EventEmitted,
    Fact,
    InvocationCancelled,
    InvocationCreated,
    encode_fact,
)
from ensue_core.ids import NO_ID, Id
from ensue_core.ports import Appended, Head
from ensue_core.records import Draft, Record, place
from ensue_core.rows import WorkRow
from ensue_core.topics import BEFORE_FIRST, ingested
from ensue_projections.requests import (
    Append,
    Cancel,
    Counted,
    Finish,
    Follow,
    Followed,
    Ingest,
    NotFollowed,
    Park,
    Request,
    Stands,
    Start,
    Turned,
    Verdict,
)
from ensue_projections.same import same
from ensue_projections.work import work_changes


class Wants(msgspec.Struct, frozen=True):
    """What must be known before some requests can be judged."""

    ids: frozenset[Id]
    invocations: frozenset[Id]
    services: frozenset[str]
    sources: frozenset[tuple[str, int]]
    positions: frozenset[int]


class Known(msgspec.Struct, frozen=True):
    """What stands before some requests: the answers to their `Wants`, and the log's head.

    `standing` are records by id. `past` is, for a position, the time of the record right after it, if there is one.
    `throughs` are the offsets of (topic, partition).
    """

    head: Head
    standing: Mapping[Id, Record] = {}
    work: Mapping[Id, WorkRow] = {}
    steps: Mapping[str, Id] = {}
    throughs: Mapping[tuple[str, int], int] = {}
    past: Mapping[int, int] = {}


class Run(msgspec.Struct, frozen=True):
    """Drafts that stand from now on and their records, one after another, at one log time.

    Attempts that start among them are leased to `worker` until `until`.
    """

    drafts: list[Draft]
    records: list[Record]
    time: int
    worker: str = ""
    until: int = 0


def wants_of(requests: Iterable[Request], careful: bool) -> Wants:
    """Return what must be known to judge requests; of ids that nothing repeats only where `careful`."""
    ids: set[Id] = set()
    invocations: set[Id] = set()
    services: set[str] = set()
    sources: set[tuple[str, int]] = set()
    positions: set[int] = set()

    def look(drafts: Iterable[Draft]) -> None:
        ids.update(each.id for each in drafts if careful or each.repeatable)

    for request in requests:
        match request:
            case Append(drafts):
                look(drafts)
            case Start(draft) | Cancel(draft):
                invocations.add(_invocation(draft.fact))
            case Finish(end, buffered, start):
                invocations.add(_invocation(end.fact))
                if start:
                    ids.add(start)
                look(buffered)
            case Ingest(batch):
                sources.add((batch.topic, batch.partition))
                look(batch.drafts)
            case Follow():
                services.add(request.service)
                positions.add(request.through.position)
                look(request.facts)
            case Park(draft):
                ids.add(draft.id)
            case _:
                assert_never(request)
    return Wants(frozenset(ids), frozenset(invocations), frozenset(services), frozenset(sources), frozenset(positions))


class Registers:
    """Judges requests in their order, each on what those before it left. `runs` is what stands then, in order."""

    def __init__(self, known: Known) -> None:
        self.runs: list[Run] = []
        self.head = known.head
        self._began = known.head.position
        self._standing: dict[Id, Record] = dict(known.standing)
        self._work: dict[Id, WorkRow | None] = dict(known.work)
        self._steps = dict(known.steps)
        self._throughs = dict(known.throughs)
        self._past = known.past
        self._times: list[int] = []

    def judge(self, request: Request, time: int) -> Verdict:
        """Judge one request that was appended at a time, and let what it brings stand."""
        match request:
            case Append(drafts):
                return self._append(drafts, time)
            case Start():
                return self._start(request, time)
            case Finish():
                return self._finish(request, time)
            case Cancel(draft):
                if self._row(draft) is None:
                    return Counted(False)
                return self._stand_once(draft, time)
            case Ingest():
                return self._ingest(request, time)
            case Follow():
                return self._follow(request, time)
            case Park(draft):
                return self._append((draft,), time)
            case _:
                assert_never(request)

    # One register each.

    def _append(self, drafts: Sequence[Draft], time: int) -> Stands:
        fresh = self._new(drafts)
        self._stand([drafts[index] for index in fresh], time)
        new = set(fresh)
        answers: list[Appended] = []
        for index, each in enumerate(drafts):
            stands = self._standing[each.id]
            duplicate = index not in new
            conflict = duplicate and not same(stands.fact, each.fact)
            answers.append(Appended(stands.position, duplicate, conflict))
        return Stands(tuple(answers))

    def _start(self, request: Start, time: int) -> Counted:
        row = self._row(request.draft)
        fact = request.draft.fact
        assert isinstance(fact, AttemptStarted)
        if row is None or row.started or row.attempt != fact.attempt:
            return Counted(False)
        return self._stand_once(request.draft, time, request.worker, request.seconds)

    def _finish(self, request: Finish, time: int) -> Counted:
        row = self._row(request.end)
        fact = request.end.fact
        assert isinstance(fact, AttemptEnded)
        if row is None or not row.started or row.attempt != fact.attempt:
            return Counted(False)
        if request.start and not _starts(self._standing.get(request.start), fact):
            return Counted(False)
        fresh = [request.buffered[index] for index in self._new(request.buffered)]
        self._stand([request.end, *fresh], time)
        return Counted(True, self._standing[request.end.id].position)

    def _ingest(self, request: Ingest, time: int) -> Turned:
        batch = request.batch
        key = batch.topic, batch.partition
        through = self._throughs.get(key, BEFORE_FIRST)
        if through != batch.after:
            return Turned(through=through)
        fresh = self._new(batch.drafts)
        clashes = self._clashes(batch.drafts, set(fresh))
        if clashes:
            return Turned(clashes=clashes)
        drafts = [batch.drafts[index] for index in fresh]
        events = sum(isinstance(each.fact, EventEmitted) for each in drafts)
        self._stand([*drafts, ingested(batch, events)], time)
        self._throughs[key] = batch.through
        return Turned(events, len(batch.drafts) - len(drafts))

    def _follow(self, request: Follow, time: int) -> Followed | NotFollowed:
        if self._steps.get(request.service, NO_ID) != request.after:
            return NotFollowed()
        past = self._time_past(request.through.position)
        if past is not None and past < request.clock:
            return NotFollowed(outrun=True)
        if len(self._new(request.facts)) < len(request.facts):
            return NotFollowed(repeats=True)
        first = self.head.position + 1
        self._stand([*request.facts, request.decided], time, request.worker, request.seconds, max(request.clock, 1))
        self._steps[request.service] = request.decided.id
        return Followed(first, self.head.position)

    # What stands.

    def _new(self, drafts: Sequence[Draft]) -> list[int]:
        """Return which drafts are the first of their id."""
        first: dict[Id, int] = {}
        for index, each in enumerate(drafts):
            if each.id not in self._standing and each.id not in first:
                first[each.id] = index
        return list(first.values())

    def _clashes(self, drafts: Sequence[Draft], fresh: set[int]) -> tuple[int, ...]:
        """Return which drafts say something else than what stands under their id, or came before among them."""
        said = {drafts[index].id: drafts[index].fact for index in fresh}
        found: list[int] = []
        for index, each in enumerate(drafts):
            if index in fresh:
                continue
            stands = self._standing.get(each.id)
            if not same(stands.fact if stands is not None else said[each.id], each.fact):
                found.append(index)
        return tuple(found)

    def _stand_once(self, draft: Draft, time: int, worker: str = "", seconds: float = 0.0) -> Counted:
        self._stand([draft], time, worker, seconds)
        return Counted(True, self.head.position)

    def _stand(self, drafts: list[Draft], time: int, worker: str = "", seconds: float = 0.0, floor: int = 0) -> None:
        """Give drafts the next places, and move along what later requests are judged on."""
        if not drafts:
            return
        logged = max(time, self.head.time, floor)
        appended = time if time < logged and not floor else 0
        after = self.head.position
        if appended or AttemptStarted in {type(each.fact) for each in drafts}:
            drafts = [as_placed(each, after + n, appended) for n, each in enumerate(drafts, 1)]
        records = [place(each, position, logged) for position, each in enumerate(drafts, after + 1)]
        for record in records:
            self._standing[record.id] = record
            if type(record.fact) is not EventEmitted:
                for change in work_changes(record):
                    self._change(change)
        self._times += [logged] * len(records)
        self.head = Head(records[-1].position, logged)
        until = logged + round(seconds * SECOND) if worker else 0
        last = self.runs[-1] if self.runs else None
        if last is not None and (last.time, last.worker, last.until) == (logged, worker, until):
            last.drafts.extend(drafts)
            last.records.extend(records)
        else:
            self.runs.append(Run(drafts, records, logged, worker, until))

    def _change(self, change: WorkAdded | WorkStarted | WorkReopened | WorkEnded) -> None:
        match change:
            case WorkAdded(added):
                self._work[added.invocation] = added
            case WorkStarted(invocation):
                row = self._work.get(invocation)
                if row is not None:
                    self._work[invocation] = replace(row, started=True)
            case WorkReopened(invocation, attempt, due):
                row = self._work.get(invocation)
                if row is not None:
                    self._work[invocation] = replace(row, attempt=attempt, due=due, started=False)
            case WorkEnded(invocation):
                self._work[invocation] = None

    def _row(self, draft: Draft) -> WorkRow | None:
        return self._work.get(_invocation(draft.fact))

    def _time_past(self, position: int) -> int | None:
        """Return the time of the record right after a position, if there is one."""
        index = position - self._began
        if index >= 0:
            return self._times[index] if index < len(self._times) else None
        return self._past.get(position)


_TIMED = (EventEmitted, InvocationCreated, AttemptStarted, AttemptEnded, InvocationCancelled)


def as_placed(draft: Draft, position: int, appended: int = 0) -> Draft:
    """Return a draft as it stands at a position: with what it says of other places made real.

    Where it was appended before its log time, a fact that conditions ask about keeps that time as well.
    """
    fact: Fact = draft.fact
    if isinstance(fact, AttemptStarted) and fact.created < 0:
        fact = replace(fact, created=position + fact.created)
    if appended and isinstance(fact, _TIMED):
        fact = replace(fact, appended=appended)
    return draft if fact is draft.fact else replace(draft, fact=fact, data=encode_fact(fact))


def _invocation(fact: Fact) -> Id:
    assert isinstance(fact, (AttemptStarted, AttemptEnded, InvocationCancelled))
    return fact.invocation


def _starts(record: Record | None, end: AttemptEnded) -> bool:
    """Whether a record that stands is the start of the attempt that an end ends."""
    fact = record.fact if record is not None else None
    return isinstance(fact, AttemptStarted) and fact.invocation == end.invocation and fact.attempt == end.attempt


__all__ = ["Known", "Registers", "Run", "Wants", "as_placed", "wants_of"]
