"""What each Step of a log must have said, worked out from semantics.md alone.

Written without a look at the engine's pairing, planning or deciding: plain lists, no indices, no batches. It
walks the log once, keeps who is declared and what waits, and at each `Decided` says which runs, waits, drops
and failures the facts of that Step must be. Ids are not made here: runs are compared by their participants.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from ensue_core.declarations import (
    Branch,
    ByFunction,
    Fields,
    OnCron,
    OnEvent,
    OnException,
    OnPoll,
    OnResult,
    OnStatus,
    Static,
    Subset,
    Test,
    TriggerSpec,
)
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionMatched,
    CronTicked,
    Decided,
    DepthExceeded,
    EventEmitted,
    Fact,
    InvocationCancelled,
    InvocationCreated,
    MatchesDropped,
    PollAnswered,
    RunFailed,
    ServiceResumed,
    Through,
    TicksSkipped,
    TriggerDeclared,
    TriggerFired,
    TriggerPaused,
    TriggerResumed,
    TriggerRetired,
    WindowExpired,
)
from ensue_core.records import Record

UNSURE = object()
"""What a function is said to answer where each time it may answer otherwise: its trigger is not foretold."""

TICKS = (CronTicked, TicksSkipped)
Took = tuple[tuple[str, str, int, int], ...]
"""Participants in order: (condition, source, position, index); a slot's position says nothing and is 0."""


@dataclass(frozen=True)
class Happened:
    """One thing that a record says, or a slot."""

    kind: str
    source: str
    position: int
    index: int
    time: int
    depth: int = 0
    code: str = ""
    task: str = ""
    status: str = ""
    created: int = 0
    payload: Any = None
    result: Any = None
    failure: tuple[str, ...] = ()


@dataclass(frozen=True)
class Match:
    """A condition answered yes."""

    condition: str
    key: str
    what: Happened
    deadline: int
    order: int
    """When it happened, as counted by the oracle: slots have their place among the records."""

    @property
    def name(self) -> tuple[str, str, int, int]:
        """How it is compared with what the log says."""
        what = self.what
        return self.condition, what.source, 0 if what.kind == "cron" else what.position, what.index


@dataclass
class Said:
    """What one Step must say of one trigger, in order."""

    runs: list[tuple[int, Took]] = field(default_factory=list[tuple[int, Took]])
    waits: list[tuple[str, str, int, int, int]] = field(default_factory=list[tuple[str, str, int, int, int]])
    dropped: list[tuple[str, tuple[str, str, int, int]]] = field(
        default_factory=list[tuple[str, tuple[str, str, int, int]]]
    )
    failed: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    depths: list[int] = field(default_factory=list[int])
    arguments: list[Any] = field(default_factory=list[Any])


@dataclass
class Trigger:
    """A trigger as declared, and what waits for it."""

    spec: TriggerSpec
    version: str
    state: str
    begins: int
    own: Through | None
    waiting: list[Match] = field(default_factory=list[Match])
    expired: list[Match] = field(default_factory=list[Match])
    unsure: bool = False
    timers: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Of each cron condition: its next slot, and where the last tick's slot stood before it."""
    tasks: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Note which tasks it watches."""
        watched = (getattr(condition, "task", "") for condition in self.spec.conditions.values())
        self.tasks = frozenset(watched) - {""}


Name = tuple[str, str, int, int]
"""How a match is compared: (condition, source, position, index)."""


class Told:
    """What a Step says of what no record tells where a log lags: where slots stand, and what gave way when.

    `overflows` are by (trigger, source of the occurrence that was one too many), `closed` by (trigger, record).
    """

    def __init__(self, records: Sequence[Record], clock: int, matches: Mapping[str, Name]) -> None:
        self.clock = clock
        self.slots: dict[str, int] = {}
        self.overflows: dict[tuple[str, str | None], list[Name]] = {}
        self.closed: dict[tuple[str, str | None], set[Name]] = {}
        for record in records:
            fact = record.fact
            if isinstance(fact, ConditionMatched) and fact.kind == "cron":
                self.slots[fact.source] = fact.position
            elif isinstance(fact, (TriggerFired, RunFailed, DepthExceeded)):
                self.slots.update({each.source: each.position for each in fact.participants if each.kind == "cron"})
            elif isinstance(fact, MatchesDropped):
                names = [matches[each] for each in fact.matches if each in matches]
                if fact.reason == "overflow":
                    self.overflows.setdefault((fact.trigger, record.cause), []).extend(names)
                else:
                    self.closed.setdefault((fact.trigger, record.cause), set()).update(names)


class Oracle:
    """One service of one log. `functions` answer for filters; `UNSURE` stands for those that nobody can foretell."""

    def __init__(
        self,
        service: str,
        functions: Mapping[str, Callable[[Any], Any]],
        key_max: int,
        trigger_max: int,
        lags: bool = False,
    ) -> None:
        self.service, self._functions = service, functions
        self._lags, self._told = lags, Told((), 0, {})
        self._key_max, self._trigger_max = key_max, trigger_max
        self.triggers: dict[str, Trigger] = {}
        self.through = Through()
        self._records: list[Record] = []
        self._said: list[list[Happened]] = []
        self._step: list[Record] = []
        self._arguments: dict[int, dict[str, Any]] = {}
        self.asked: set[tuple[str, int, int]] = set()
        """(trigger, position, occurrence) of all that was asked, to find what is asked twice or never."""
        self.twice: list[tuple[str, int, int]] = []
        self._matches: dict[str, tuple[str, str, int, int]] = {}
        self._order = 0

    def read(self, record: Record) -> dict[str, Said] | None:
        """Take one record in; at a Decided of the service, return what its Step must have said."""
        self._records.append(record)
        self._said.append(happened(record))
        fact = record.fact
        if getattr(fact, "service", None) != self.service:
            return None
        if not isinstance(fact, Decided):
            self._step.append(record)
            return None
        records, self._step = self._step, []
        for each in records:
            if isinstance(each.fact, ConditionMatched):
                match = each.fact
                position = 0 if match.kind == "cron" else match.position
                self._matches[each.id] = match.condition, match.source, position, match.index
        self._told = Told(records, fact.clock, self._matches)
        said = self._asks(fact, records)
        for each in records:
            self._declared(each.fact)
            if isinstance(each.fact, WindowExpired):
                self._gone(each.fact)
        for name, own in fact.own.items():
            self.triggers[name].own = own
        self.through = fact.through
        return said

    # Who is asked about what.

    def _asks(self, decided: Decided, records: Sequence[Record]) -> dict[str, Said]:
        said: dict[str, Said] = {}
        skips = any(isinstance(each.fact, ServiceResumed) and each.fact.skipped for each in records)
        for name, trigger in self.triggers.items():
            if trigger.state != "active":
                continue
            before, after = (self.through, decided.through) if trigger.own is None else (trigger.own, trigger.own)
            if trigger.own is not None and name in decided.own:
                after = decided.own[name] or decided.through
            ticks = [each for each in records if isinstance(each.fact, TICKS) and each.fact.trigger == name]
            found = self._one(name, trigger, before, after, ticks, skips)
            if found != Said():
                said[name] = found
        return said

    def _one(
        self, name: str, trigger: Trigger, before: Through, after: Through, ticks: Sequence[Record], skips: bool
    ) -> Said:
        """Ask one trigger about the records between two throughs, with the slots of the Step in their places."""
        said = Said()
        slots = [*self._slots(trigger, ticks)]
        last = after.position + (1 if after.inside else 0)
        for record in self._records[before.position : last]:
            heard = self._said[record.position - 1]
            if skips or not heard:
                continue
            while slots and slots[0][0] < (record.position if self._lags else record.time + 1):
                self._slot(trigger, *slots.pop(0), said)
            for what in heard:
                if record.position <= trigger.begins or not self._listens(trigger, what):
                    continue
                if decided_by(before, what, name) or not decided_by(after, what, name):
                    continue
                place = (name, what.position, what.index)
                (self.twice.append if place in self.asked else self.asked.add)(place)
                self._happened(trigger, what, said)
            # A join closes with its source also where the trigger is not asked about the end.
            if record.position <= after.position:
                self._close(trigger, record, said)
        for slot in slots:
            self._slot(trigger, *slot, said)
        return said

    def _slot(self, trigger: Trigger, place: int, slot: Happened, said: Said) -> None:
        self._expire(trigger, place)
        self._happened(trigger, slot, said)

    def _slots(self, trigger: Trigger, ticks: Sequence[Record]) -> Iterator[tuple[int, Happened]]:
        """Yield slots with the log time at which they stand: that of the slot that was due first."""
        for record in ticks:
            fact = record.fact
            assert isinstance(fact, TICKS)
            due, stood = trigger.timers.get(fact.condition, (0, 0))
            place = stood if fact.next == due and stood else due
            trigger.timers[fact.condition] = (fact.next, place)
            if isinstance(fact, CronTicked):
                place = self._told.slots.get(record.id, 0) if self._lags else place
                yield place, Happened("cron", record.id, 0, 1 << 20, fact.slot, code=fact.condition)

    def _listens(self, trigger: Trigger, what: Happened) -> bool:
        if what.kind == "poll":
            return what.task == trigger.spec.id and what.code in trigger.spec.conditions
        if what.kind == "status" and what.task not in trigger.tasks:
            return False
        return any(listens(condition, what) for condition in trigger.spec.conditions.values())

    # One occurrence.

    def _happened(self, trigger: Trigger, what: Happened, said: Said) -> None:
        spec = trigger.spec
        if what.kind != "cron":
            self._expire(trigger, what.time)
        keys: dict[str, str] = {}
        for name, condition in spec.conditions.items():
            if isinstance(condition, OnCron):
                if what.kind == "cron" and what.code == name:
                    keys[name] = "*" if condition.key.kind == "any" else what.source
            elif isinstance(condition, OnPoll):
                key = key_of(condition.key, what, what.payload) if (what.kind, what.code) == ("poll", name) else None
                if key is not None:
                    keys[name] = key
            elif listens(condition, what):
                key = self._answers(trigger, name, condition, what, said)
                if key is not None:
                    keys[name] = key
        if not keys:
            return
        self._order += 1
        new = {name: self._match(spec, name, key, what) for name, key in keys.items()}
        used: set[str] = set()
        for number, branch in enumerate(spec.branches):
            run = complete(branch, keys, new, trigger.waiting, what)
            if run is not None:
                said.runs.append((number, tuple(match.name for match in run)))
                said.depths.append(1 + max(match.what.depth for match in run))
                said.arguments.append(self._made(spec, [match.what for match in run]))
                trigger.waiting = [match for match in trigger.waiting if not any(match is each for each in run)]
                used = {name for name, match in new.items() if any(match is each for each in run)}
                break
        for name, match in new.items():
            joins = any(len(branch.conditions) > 1 and name in branch.conditions for branch in spec.branches)
            if joins and name not in used:
                trigger.waiting.append(match)
                said.waits.append((*match.name, match.deadline))
                self._bound(trigger, match, said)

    def _match(self, spec: TriggerSpec, name: str, key: str, what: Happened) -> Match:
        windows = [each.within for each in spec.branches if len(each.conditions) > 1 and name in each.conditions]
        return Match(name, key, what, what.time + max(windows, default=0), self._order)

    def _bound(self, trigger: Trigger, new: Match, said: Said) -> None:
        if self._lags:
            self._bound_as_told(trigger, new, said)
            return
        order = sorted(trigger.waiting, key=lambda each: (each.order, each.condition))
        of_key = [each for each in order if each.key == new.key]
        gone = of_key[0] if len(of_key) > self._key_max else order[0] if len(order) > self._trigger_max else None
        if gone is not None:
            trigger.waiting = [each for each in trigger.waiting if each is not gone]
            said.dropped.append(("overflow", gone.name))

    def _bound_as_told(self, trigger: Trigger, new: Match, said: Said) -> None:
        """Believe which match gave way, if it was the oldest of too many: some may have expired before."""
        order = sorted(trigger.waiting, key=lambda each: (each.order, each.condition))
        of_key = [each for each in order if each.key == new.key]
        names = self._told.overflows.get((trigger.spec.id, new.what.source), [])
        for many, most in ((of_key, self._key_max), (order, self._trigger_max)):
            gone = next((each for each in many if names and each.name == names[0]), None)
            if gone is None or len(many) <= most:
                continue
            older = many[: many.index(gone)]
            if any(self._told.clock <= each.deadline for each in older):
                continue  # one that cannot have expired is older
            del names[0]
            trigger.waiting = [each for each in trigger.waiting if each is not gone]
            said.dropped.append(("overflow", gone.name))
            return

    def _expire(self, trigger: Trigger, now: int) -> None:
        if self._lags:
            return  # by the horizon, which no record tells: believed where a fact says so
        trigger.expired += [match for match in trigger.waiting if match.deadline < now]
        trigger.waiting = [match for match in trigger.waiting if match.deadline >= now]

    def _gone(self, fact: WindowExpired) -> None:
        """Believe that matches of a retired trigger expired: it is asked nothing, so only the clock can say."""
        trigger = self.triggers[fact.trigger]
        if trigger.state == "retired" or self._lags:
            names = {self._matches[each] for each in fact.matches}
            trigger.expired += [match for match in trigger.waiting if match.name in names]
            trigger.waiting = [match for match in trigger.waiting if match.name not in names]

    def _close(self, trigger: Trigger, record: Record, said: Said) -> None:
        """Drop what waits for an invocation that has ended."""
        fact = record.fact
        ends = isinstance(fact, InvocationCancelled) or (isinstance(fact, AttemptEnded) and fact.final)
        if not ends or fact.task not in trigger.tasks:  # type: ignore[attr-defined]
            return
        assert isinstance(fact, (InvocationCancelled, AttemptEnded))
        if not any(
            len(branch.conditions) > 1 and each.key.kind == "source" and getattr(each, "task", None) == fact.task
            for branch in trigger.spec.branches
            for each in (trigger.spec.conditions[name] for name in branch.conditions)
        ):
            return
        self._expire(trigger, record.time)
        gone = [match for match in trigger.waiting if match.key == fact.invocation]
        trigger.waiting = [match for match in trigger.waiting if match.key != fact.invocation]
        if self._lags:
            # What expired at the same moment is told as that.
            closed = self._told.closed.get((trigger.spec.id, record.id), set())
            trigger.expired += [match for match in gone if match.name not in closed]
            gone = [match for match in gone if match.name in closed]
        order = sorted(gone, key=lambda each: (each.order, each.condition))
        said.dropped += [("closed", match.name) for match in order]

    # Conditions and arguments.

    def _answers(self, trigger: Trigger, name: str, condition: Any, what: Happened, said: Said) -> str | None:
        """Return the key where a condition that listens holds."""
        if isinstance(condition, OnException) and condition.types:
            bare = {each.rpartition(".")[2] for each in what.failure}
            if not any(each in what.failure or ("." not in each and each in bare) for each in condition.types):
                return None
        arguments = self._call(what)
        questions: list[tuple[Any, Any]] = []
        if isinstance(condition, OnEvent):
            questions = [(condition.payload, what.payload)]
        else:
            questions = [(condition.arguments, arguments)]
            if isinstance(condition, OnResult) and what.status == "SUCCESS":
                questions.append((condition.result, what.result))
        plain = {**(arguments or {}), "result": what.result} if what.kind == "status" else what.payload
        key = key_of(condition.key, what, plain)
        if key is None or not all(passes(each, value) for each, value in questions if not isinstance(each, ByFunction)):
            return None
        for each, value in questions:
            if isinstance(each, ByFunction):
                function = self._functions[each.function.name]
                if function is UNSURE:
                    trigger.unsure = True
                    return None
                try:
                    answer = function(value)
                except Exception:
                    answer = None
                if answer is None:
                    said.failed.append((name, what.position, what.index))
                if answer is not True:
                    return None
        return key

    def _call(self, what: Happened) -> dict[str, Any] | None:
        if not what.created:
            return None
        if what.created not in self._arguments:
            fact = self._records[what.created - 1].fact
            assert isinstance(fact, (InvocationCreated, TriggerFired))
            self._arguments[what.created] = msgspec.json.decode(fact.arguments)
        return self._arguments[what.created]

    def _made(self, spec: TriggerSpec, took: Sequence[Happened]) -> Any:
        """Return the arguments where data says them, None where they cannot be made, UNSURE where a function does."""
        if not spec.providers:
            return {}
        for provider in spec.providers:
            if isinstance(provider, Static):
                return provider.values
            if not isinstance(provider, Fields):
                return UNSURE
            if provider.kind == "result":
                first = next((each for each in took if each.status == "SUCCESS"), None)
            else:
                first = next((each for each in took if each.kind == provider.kind), None)
            if first is None:
                continue
            values: Any = {
                "event": first.payload, "poll": first.payload, "status": self._call(first), "result": first.result,
            }[provider.kind]  # fmt: skip
            if not isinstance(values, dict) or any(name not in values for name in provider.names):
                return None
            table = cast("dict[str, Any]", values)
            return {name: table[name] for name in provider.names}
        return None

    # Who is declared.

    def _declared(self, fact: Fact) -> None:
        match fact:
            case TriggerDeclared():
                known = self.triggers.get(fact.trigger)
                trigger = Trigger(fact.spec, fact.version, fact.state, fact.begins, fact.own)
                if known is not None:
                    trigger.waiting, trigger.expired, trigger.unsure = known.waiting, known.expired, known.unsure
                trigger.timers = {name: (due, 0) for name, due in fact.timers.items()}
                self.triggers[fact.trigger] = trigger
            case TriggerRetired():
                self.triggers[fact.trigger].state = "retired"
                self.triggers[fact.trigger].own = None
            case TriggerPaused():
                self.triggers[fact.trigger].state, self.triggers[fact.trigger].own = "paused", fact.own
            case TriggerResumed():
                trigger = self.triggers[fact.trigger]
                trigger.state, trigger.own, trigger.begins = "active", fact.own, fact.begins
                trigger.timers |= {name: (due, 0) for name, due in fact.timers.items()}
            case ServiceResumed():
                for name, timers in fact.timers.items():
                    self.triggers[name].timers |= {each: (due, 0) for each, due in timers.items()}
            case _:
                pass


def happened(record: Record) -> list[Happened]:
    """Return what a record says happened, in order."""
    fact = record.fact
    at = record.position, getattr(fact, "appended", 0) or record.time

    def status(index: int, invocation: str, task: str, word: str, created: int, depth: int, **more: Any) -> Happened:
        return Happened("status", invocation, at[0], index, at[1], depth, "", task, word, created, None, **more)

    match fact:
        case EventEmitted():
            payload = msgspec.json.decode(fact.payload)
            return [Happened("event", record.id, at[0], 0, at[1], fact.depth, fact.code, payload=payload)]
        case PollAnswered():
            payload = msgspec.json.decode(fact.payload)
            return [Happened("poll", record.id, at[0], 0, at[1], 0, fact.condition, fact.trigger, payload=payload)]
        case InvocationCreated() | TriggerFired():
            invocation = fact.invocation if isinstance(fact, TriggerFired) else record.id
            words = ["REGISTERED", "SCHEDULED"] if fact.due > record.time else ["REGISTERED"]
            return [status(place, invocation, fact.task, word, at[0], fact.depth) for place, word in enumerate(words)]
        case AttemptStarted():
            return [
                status(place, fact.invocation, fact.task, word, fact.created, fact.depth)
                for place, word in enumerate(("PENDING", "RUNNING"))
            ]
        case AttemptEnded(status="SUCCESS" | "FAILED" | "RETRY"):
            result = msgspec.json.decode(fact.result) if bytes(fact.result) else None
            failure = (fact.failure.type, *fact.failure.bases) if fact.failure else ()
            said = fact.invocation, fact.task, fact.status, fact.created, fact.depth
            return [status(0, *said, result=result, failure=failure)]
        case InvocationCancelled():
            return [status(0, fact.invocation, fact.task, "CANCELLED", fact.created, fact.depth)]
        case _:
            return []


def listens(condition: Any, what: Happened) -> bool:
    """Whether a condition must be asked about an occurrence at all."""
    match condition:
        case OnEvent(code=code):
            family = code.endswith(".*") and what.code.startswith(code[:-1])
            return what.kind == "event" and (what.code == code or family)
        case OnStatus():
            return what.task == condition.task and what.status in condition.statuses
        case OnResult():
            wanted = ("SUCCESS", "FAILED") if condition.failures else ("SUCCESS",)
            return what.task == condition.task and what.status in wanted
        case OnException():
            return what.task == condition.task and what.status == "FAILED"
        case _:
            return False


def complete(
    branch: Branch, keys: Mapping[str, str], new: Mapping[str, Match], waiting: Sequence[Match], what: Happened
) -> list[Match] | None:
    """Return the oldest match of each condition, where all share a key and one of them is new."""
    if len(branch.conditions) == 1:
        return [new[branch.conditions[0]]] if branch.conditions[0] in new else None
    for key in dict.fromkeys(keys[name] for name in branch.conditions if name in keys):
        run: list[Match] = []
        for name in branch.conditions:
            fits = [
                m
                for m in waiting
                if (m.condition, m.key) == (name, key) and abs(what.time - m.what.time) <= branch.within
            ]
            if keys.get(name) == key:
                fits.append(new[name])
            run += fits[:1]
        if len(run) == len(branch.conditions) and any(match is each for match in run for each in new.values()):
            return run
    return None


def decided_by(through: Through, what: Happened, trigger: str) -> bool:
    """Whether a `through` has passed an occurrence for a trigger."""
    if what.position <= through.position:
        return True
    if what.position > through.position + 1 or not through.inside:
        return False
    return what.index < through.occurrence or (what.index == through.occurrence and trigger <= through.trigger)


def passes(filter_: Any, value: Any) -> bool:
    """Whether data passes a filter of data."""
    if isinstance(filter_, Subset):
        for path, test in filter_.tests.items():
            found = at(value, path)
            if not (holds(test, found[0]) if found else test.op == "exists" and test.value is False):
                return False
        return True
    return holds(filter_.test, value)


def at(value: Any, path: str) -> list[Any]:
    """Return the value at a dotted path in a list, an empty one where there is none."""
    found: Any = value
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            return []
        found = cast("dict[str, Any]", found)[part]
    return [found]


def holds(test: Test, value: Any) -> bool:
    """Answer one question about one value, of those that the workload asks."""
    match test.op:
        case "eq":
            return strict(value) == strict(test.value)
        case "gt":
            return type(value) in (int, float) and value > test.value
        case "lt":
            return type(value) in (int, float) and value < test.value
        case "exists":
            return bool(test.value)
        case _:
            raise AssertionError(f"the oracle was not taught {test.op}")


def key_of(key: Any, what: Happened, plain: Any) -> str | None:
    """Return how a match finds its partners."""
    if key.kind == "source":
        return what.source
    if key.kind == "any":
        return "*"
    found = at(plain, key.path)
    return strict(found[0]) if found else None


def strict(value: Any) -> str:
    """Write JSON in one form that tells 1 from 1.0, true and "1"."""
    return json.dumps(value, sort_keys=True)
