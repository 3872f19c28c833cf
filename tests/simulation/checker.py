"""Reads the final log and views of a run and says what must not be: the invariants of reliability.md, section 3.

`check(evidence)` returns sentences, none where all is well, and counts what was reached (`Evidence.seen`).
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from ensue.functions import module_name
from ensue_adapters.memory.archive import MemoryMoment
from ensue_adapters.memory.space import Space
from ensue_core.archive import Table
from ensue_core.declarations import OnCron, OnPoll
from ensue_core.defaults import Defaults
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionFailed,
    ConditionMatched,
    CronTicked,
    Decided,
    DepthExceeded,
    EventEmitted,
    InvocationCancelled,
    InvocationCreated,
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
    encode_fact,
)
from ensue_core.ids import NO_ID, derive_keyed
from ensue_core.ports import Cursor, Step
from ensue_core.records import Draft, Record, draft
from ensue_projections.digests import Sum
from ensue_projections.queries import PROJECTION, VERSION, QueryFold
from ensue_projections.whole import WholeFold
from tests.simulation import program
from tests.simulation.oracle import UNSURE, Oracle, Said, Took, Trigger

DECISIONS = (
    Decided, ServiceDeclared, TriggerDeclared, TriggerRetired, TriggerPaused, TriggerResumed, ServicePaused,
    ServiceResumed, ConditionMatched, ConditionFailed, TriggerFired, RunFailed, DepthExceeded, CronTicked,
    TicksSkipped, PollAnswered, WindowExpired, MatchesDropped,
)  # fmt: skip
"""Facts that stand in Steps only."""

Run = TriggerFired | RunFailed | DepthExceeded


@dataclass
class Evidence:
    """What a run left behind."""

    space: Space
    defaults: Defaults
    services: Sequence[str]
    acked: Sequence[tuple[int, int, Sequence[str], Sequence[int]]]
    """Of each acknowledged emit: when it was sent and answered, its ids and positions."""
    bodies: dict[tuple[str, int], str]
    returns: set[tuple[str, int]]
    emitted: dict[tuple[str, int], list[str]]
    crashes: Sequence[tuple[int, str]]
    downs: dict[str, list[tuple[int, int]]]
    """When no scheduler of a service ran for a while, in log time, from and to."""
    margin: int
    """How far clocks may be apart, in microseconds."""
    seed: int
    at_rest: bool = True
    lags: bool = False
    """Whether parts of the log may lag behind others, so that log time does not pass with each record."""
    namespace: str = "sim"
    seen: Counter[str] = field(default_factory=Counter[str])

    @property
    def records(self) -> list[Record]:
        """The log."""
        return self.space.records


def check(evidence: Evidence) -> list[str]:
    """Return everything that is wrong."""
    wrong: list[str] = []
    for part in (log, keys, steps, declarations, runs, attempts, buffered, cron, polls, views, verified):
        wrong += [f"{part.__name__}: {text}" for text in part(evidence)]
    return wrong


# The log: L1, L2, L4, L5, L8, L9.


def log(evidence: Evidence) -> Iterator[str]:
    """Positions are dense, time is monotone, ids are unique, what was acknowledged is there and in order."""
    records, ids = evidence.records, set[str]()
    for place, record in enumerate(records, 1):
        if record.position != place:
            yield f"position {record.position} stands in place {place}"
        if place > 1 and record.time < records[place - 2].time:
            yield f"record {place} is older than the one before it"
        if record.id in ids:
            yield f"id {record.id} stands twice"
        ids.add(record.id)
    for _, _, emitted, positions in evidence.acked:
        for id, position in zip(emitted, positions, strict=True):
            if position > len(records) or records[position - 1].id != id:
                yield f"event {id} was acknowledged at {position} and is not there"
        if [*positions] != [*range(positions[0], positions[0] + len(positions))] if positions else False:
            yield f"a batch stands apart: {positions}"
    latest, answered = 0, sorted((each for each in evidence.acked if each[3]), key=lambda each: each[1])
    done = 0
    for sent, _, _, positions in sorted((each for each in evidence.acked if each[3]), key=lambda each: each[0]):
        while done < len(answered) and answered[done][1] < sent:
            latest = max(latest, *answered[done][3])
            done += 1
        if min(positions) < latest:
            yield f"an event at {min(positions)} was sent after one at {latest} was acknowledged"


def keys(evidence: Evidence) -> Iterator[str]:
    """A key has one event, whose id is derived from it."""
    found: dict[tuple[str, str], str] = {}
    for record in evidence.records:
        fact = record.fact
        if isinstance(fact, EventEmitted) and fact.key is not None:
            name = (fact.code, fact.key)
            if name in found:
                yield f"key {fact.key} of {fact.code} stands twice"
            found[name] = record.id
            if record.id != derive_keyed("event", "sim", fact.code, fact.key):
                yield f"the event with key {fact.key} has an id of another making"


# Steps: the chain, and nothing decided outside it.


def steps(evidence: Evidence) -> Iterator[str]:
    """Each service has one chain; a Step is the digest of what it holds, and no unread record is older than it."""
    records = evidence.records
    last = dict.fromkeys(evidence.services, NO_ID)
    clocks = dict.fromkeys(evidence.services, 0)
    start: tuple[int, int, str] = (0, 0, "")
    through: dict[str, tuple[int, int, str]] = dict.fromkeys(evidence.services, start)
    inside = 0
    for record in records:
        fact = record.fact
        if isinstance(fact, DECISIONS) and not isinstance(fact, Decided):
            inside += 1
        if not isinstance(fact, Decided):
            continue
        first = record.position - 1 - fact.facts
        block = records[first : record.position - 1]
        inside -= sum(isinstance(each.fact, DECISIONS) for each in block)
        if inside:
            yield f"{inside} facts before {record.position} were decided outside a Step"
            inside = 0
        if fact.after != last.get(fact.service):
            yield f"the Step at {record.position} follows {fact.after}, the last one was {last.get(fact.service)}"
        last[fact.service] = record.id
        if any(getattr(each.fact, "service", fact.service) != fact.service for each in block):
            yield f"the Step at {record.position} holds facts of another service"
        drafts = tuple(_as_sent(each, place) for place, each in enumerate(block, first + 1))
        said = Step(fact.service, fact.after, fact.through, fact.clock, drafts, fact.own)
        if said.id != record.id:
            yield f"the Step at {record.position} is not the digest of its contents"
        if fact.clock < clocks[fact.service]:
            yield f"the clock of the Step at {record.position} goes back"
        clocks[fact.service] = fact.clock
        now: tuple[int, int, str] = (fact.through.position, fact.through.occurrence, fact.through.trigger)
        if now < through[fact.service]:
            yield f"the through of the Step at {record.position} goes back from {through[fact.service]} to {now}"
        through[fact.service] = now
        if fact.through.position > first:
            yield f"the Step at {record.position} has read to {fact.through.position}, past itself"
        unread = records[fact.through.position : first]
        if any(each.time < fact.clock for each in unread):
            yield f"the Step at {record.position} has clock {fact.clock}, and a record it has not read is older"
        if record.time < fact.clock:
            yield f"the Step at {record.position} is older than its own clock"
    if inside:
        yield f"{inside} facts at the end were decided outside a Step"


def _as_sent(record: Record, place: int) -> Draft:
    """Return a fact as it was before the store gave it its place."""
    fact = record.fact
    if isinstance(fact, AttemptStarted):
        fact = replace(fact, created=fact.created - place)
    return draft(record.id, fact, cause=record.cause, root=None if record.root == record.id else record.root)


# Declarations: who is asked from when.


def declarations(evidence: Evidence) -> Iterator[str]:
    """A takeover retires nothing; a later trigger covers nothing that came before it; nobody is asked again."""
    last = dict.fromkeys(evidence.services, 0)
    known: dict[tuple[str, str], str] = {}
    block: list[Record] = []
    for record in evidence.records:
        fact = record.fact
        if isinstance(fact, (ServiceDeclared, TriggerDeclared, TriggerRetired, TriggerPaused)):
            block.append(record)
        if not isinstance(fact, Decided):
            continue
        takeover = any(isinstance(each.fact, ServiceDeclared) and each.fact.takeover for each in block)
        for each in block:
            said = each.fact
            if isinstance(said, TriggerRetired):
                known[said.service, said.trigger] = "retired"
                if takeover:
                    yield f"a takeover retires {said.trigger} at {each.position}"
            elif isinstance(said, TriggerDeclared):
                returns = known.get((said.service, said.trigger), "retired") == "retired"
                later = last[fact.service] and said.spec.start is None
                if returns and later and said.begins < last[fact.service]:
                    yield f"{said.trigger} at {each.position} covers records from {said.begins}, before it was declared"
                known[said.service, said.trigger] = said.state
        last[fact.service] = record.position
        block = []


# Runs: C1 to C8, against the oracle.


def runs(evidence: Evidence) -> Iterator[str]:
    """Each Step says what the oracle says: runs, waits, drops, failures, depths, versions, arguments."""
    functions: dict[str, Any] = {
        f"{module_name(each.__module__)}:{each.__qualname__}": each for each in program.PLAIN_FUNCTIONS
    }
    functions[f"{module_name(program.__name__)}:{program.changes_its_mind.__qualname__}"] = UNSURE
    invocations: Counter[str] = Counter()
    for service in evidence.services:
        most = evidence.defaults
        oracle = Oracle(service, functions, most.waiting_per_key_max, most.waiting_per_trigger_max, evidence.lags)
        block: list[Record] = []
        for record in evidence.records:
            fact = record.fact
            if getattr(fact, "service", None) == service and not isinstance(fact, Decided):
                block.append(record)
            versions = {name: trigger.version for name, trigger in oracle.triggers.items()}
            said = oracle.read(record)
            if said is None:
                continue
            for text in _step(evidence, oracle, block, said, versions):
                yield f"{service}, Step at {record.position}: {text}"
            block = []
        for place in oracle.twice:
            yield f"{service}: {place} was asked twice"
        yield from _at_the_end(evidence, service, oracle)
    for record in evidence.records:
        if isinstance(record.fact, TriggerFired):
            invocations[record.fact.invocation] += 1
    for invocation, count in invocations.items():
        if count > 1:
            yield f"invocation {invocation} was fired {count} times"


def _step(
    evidence: Evidence, oracle: Oracle, block: Sequence[Record], said: dict[str, Said], versions: dict[str, str]
) -> Iterator[str]:
    told: dict[str, Said] = defaultdict(Said)
    found: dict[str, list[Record]] = defaultdict(list)
    for record in block:
        fact = record.fact
        match fact:
            case TriggerFired() | RunFailed() | DepthExceeded():
                if isinstance(fact, TriggerFired) and fact.author is not None:
                    continue
                told[fact.trigger].runs.append((fact.branch, _took(fact)))
                found[fact.trigger].append(record)
                if fact.version != versions.get(fact.trigger):
                    yield f"{fact.trigger} was answered by version {fact.version}, not {versions.get(fact.trigger)}"
            case ConditionMatched():
                position = 0 if fact.kind == "cron" else fact.position
                told[fact.trigger].waits.append((fact.condition, fact.source, position, fact.index, fact.deadline))
            case ConditionFailed() if fact.position:  # a poll's stands at no record
                told[fact.trigger].failed.append((fact.condition, fact.position, fact.index))
            case MatchesDropped():
                told[fact.trigger].dropped += [(fact.reason, _named(evidence, each)) for each in fact.matches]
            case _:
                pass
    for name in sorted({*said, *told}):
        trigger = oracle.triggers.get(name)
        if trigger is not None and (trigger.unsure or _unsure(trigger)):
            continue
        should, does = said.get(name, Said()), told[name]
        for what in ("runs", "waits", "dropped", "failed"):
            if getattr(should, what) != getattr(does, what):
                yield f"{what} of {name} should be {getattr(should, what)}, and are {getattr(does, what)}"
        yield from _outcomes(evidence, name, should, found[name])


def _unsure(trigger: Trigger) -> bool:
    return any("changes_its_mind" in str(condition) for condition in trigger.spec.conditions.values())


def _outcomes(evidence: Evidence, name: str, should: Said, found: Sequence[Record]) -> Iterator[str]:
    """Compare what became of each run: fired with these arguments, failed, or too deep."""
    most = evidence.defaults.cause_depth_max
    for record, depth, arguments in zip(found, should.depths, should.arguments, strict=False):
        fact = record.fact
        assert isinstance(fact, Run)
        if fact.depth != depth:
            yield f"a run of {name} at {record.position} has depth {fact.depth}, not {depth}"
        if isinstance(fact, DepthExceeded) != (depth > most):
            yield f"a run of {name} at {record.position} has depth {depth} and is a {record.kind}"
        if isinstance(fact, DepthExceeded) or arguments is UNSURE:
            continue
        fits = arguments is not None and _fits(arguments)
        if isinstance(fact, RunFailed):
            if fits:
                yield f"a run of {name} at {record.position} failed ({fact.error}), though it has {arguments}"
        elif not fits or msgspec.json.decode(fact.arguments) != {"n": 0, "k": 0, **cast("dict[str, Any]", arguments)}:
            made = msgspec.json.decode(fact.arguments)
            yield f"a run of {name} at {record.position} has arguments {made}, not {arguments}"


def _fits(arguments: dict[str, Any]) -> bool:
    """Whether arguments fit the signature that every task of the program has: two ints."""
    return set(arguments) <= {"n", "k"} and all(type(value) is int for value in arguments.values())


def _took(fact: Run) -> Took:
    return tuple(
        (each.condition, each.source, 0 if each.kind == "cron" else each.position, each.index)
        for each in fact.participants
    )


def _named(evidence: Evidence, match: str) -> tuple[str, str, int, int]:
    record = evidence.space.find(match)  # type: ignore[arg-type]
    if record is None or not isinstance(record.fact, ConditionMatched):
        return (f"a match that never waited: {match}", "", 0, 0)
    fact = record.fact
    return fact.condition, fact.source, 0 if fact.kind == "cron" else fact.position, fact.index


def _at_the_end(evidence: Evidence, service: str, oracle: Oracle) -> Iterator[str]:
    """What waits at the end is what the oracle says waits, but for what has expired, which is a fact."""
    matched = {each.id: each.fact for each in evidence.records if isinstance(each.fact, ConditionMatched)}
    ended: Counter[str] = Counter()
    for record in evidence.records:
        fact = record.fact
        if isinstance(fact, (WindowExpired, MatchesDropped)):
            ended.update(fact.matches)
            for each in fact.matches:
                if isinstance(fact, WindowExpired) and each in matched and matched[each].deadline >= record.time:
                    yield f"match {each} of {fact.trigger} expired at {record.position}, before its deadline"
        elif isinstance(fact, Run) and len(fact.participants) > 1:
            ended.update(each.match for each in fact.participants if each.match in matched)
    for match, count in ended.items():
        if count > 1 or match not in matched:
            yield f"match {match} ended {count} times" if match in matched else f"match {match} never waited"
    waits = {row.match for row in evidence.space.chains.waiting.values() if row.service == service}
    alone = {match for match, fact in matched.items() if fact.service == service} - set(ended)
    if waits != alone:
        yield f"{service}: {waits - alone} wait in the view only, {alone - waits} in the log only"
    expired = {
        _named(evidence, match)
        for record in evidence.records
        if isinstance(record.fact, WindowExpired) and record.fact.service == service
        for match in record.fact.matches
        if not _unsure(oracle.triggers[record.fact.trigger])
    }
    rows = [row for row in evidence.space.chains.waiting.values() if row.service == service]
    here = {_named(evidence, row.match) for row in rows if not _unsure(oracle.triggers[row.trigger])}
    sure = [trigger for trigger in oracle.triggers.values() if not _unsure(trigger)]
    should = {match.name for trigger in sure for match in [*trigger.waiting, *trigger.expired]}
    if here | expired != should:
        yield f"{service}: waits or expired {(here | expired) - should}, should {should - here - expired}"


# Attempts: W1 to W8.


def attempts(evidence: Evidence) -> Iterator[str]:
    """Attempts are numbered, each start has one end, each invocation one final end, each body one start."""
    created: dict[str, Record] = {}
    open_at: dict[str, int] = {}
    number: Counter[str] = Counter()
    final: dict[str, str] = {}
    crashes: Counter[str] = Counter()
    for record in evidence.records:
        fact = record.fact
        match fact:
            case TriggerFired() | InvocationCreated():
                created[fact.invocation if isinstance(fact, TriggerFired) else record.id] = record
            case AttemptStarted():
                if fact.invocation not in created or fact.invocation in final:
                    yield f"attempt {fact.attempt} of {fact.invocation} starts where it cannot, at {record.position}"
                if fact.invocation in open_at or fact.attempt != number[fact.invocation] + 1:
                    yield f"attempt {fact.attempt} of {fact.invocation} starts out of turn, at {record.position}"
                if fact.invocation in created and fact.created != created[fact.invocation].position:
                    yield f"attempt {fact.attempt} of {fact.invocation} names another creator, at {record.position}"
                number[fact.invocation] += 1
                open_at[fact.invocation] = fact.attempt
            case AttemptEnded():
                if open_at.pop(fact.invocation, 0) != fact.attempt or fact.invocation in final:
                    yield f"attempt {fact.attempt} of {fact.invocation} ends and does not run, at {record.position}"
                if fact.final:
                    final[fact.invocation] = fact.status
                    yield from _judged(evidence, record, fact)
                crashes[fact.invocation] += fact.status == "LOST"
                if crashes[fact.invocation] >= evidence.defaults.crashes_before_quarantine:
                    yield f"{fact.invocation} was lost {crashes[fact.invocation]} times and is tried again"
            case InvocationCancelled():
                if fact.invocation in final or fact.invocation not in created:
                    yield f"{fact.invocation} is cancelled after its end, at {record.position}"
                final[fact.invocation] = "CANCELLED"
                open_at.pop(fact.invocation, None)
            case _:
                pass
    if evidence.at_rest:
        for invocation, record in created.items():
            if invocation not in final:
                yield f"invocation {invocation} ({record.kind} at {record.position}) never ended"
    for (invocation, attempt), process in evidence.bodies.items():
        if attempt > number[invocation]:
            yield f"attempt {attempt} of {invocation} ran in {process}, and no record says so"


def _judged(evidence: Evidence, record: Record, fact: AttemptEnded) -> Iterator[str]:
    """A success is of a body that returned, and has that body's result."""
    token = (fact.invocation, fact.attempt)
    if fact.status == "SUCCESS":
        if token not in evidence.bodies or token not in evidence.returns:
            yield f"attempt {fact.attempt} of {fact.invocation} succeeds, and its body did not, at {record.position}"
        if msgspec.json.decode(fact.result)["by"] != f"{fact.invocation} {fact.attempt}":
            yield f"{fact.invocation} has the result of another attempt, at {record.position}"


def buffered(evidence: Evidence) -> Iterator[str]:
    """Events that come with a success are there with it, each once, and never without."""
    there: dict[str, list[str]] = defaultdict(list)
    for record in evidence.records:
        fact = record.fact
        if isinstance(fact, EventEmitted) and fact.code in ("buffered", "deep") and fact.emitter is not None:
            there[fact.emitter].append(record.id)
    succeeded: set[str] = set()
    for record in evidence.records:
        fact = record.fact
        if not isinstance(fact, AttemptEnded) or fact.status != "SUCCESS":
            continue
        succeeded.add(fact.invocation)
        should = evidence.emitted.get((fact.invocation, fact.attempt), [])
        if there.get(fact.invocation, []) != should:
            has = len(there.get(fact.invocation, []))
            yield f"{fact.invocation} succeeded with {len(should)} events, and has {has}"
        after = evidence.records[record.position : record.position + len(should)]
        if [each.id for each in after] != should:
            yield f"the events of {fact.invocation} do not stand with its success at {record.position}"
    for emitter in there:
        if emitter not in succeeded:
            yield f"{emitter} did not succeed, and its events are there"


# Cron: C6.


def cron(evidence: Evidence) -> Iterator[str]:
    """Each slot ticks once or is counted as skipped; none before its time; none that a policy gives up."""
    timers: dict[tuple[str, str, str], int] = {}
    specs: dict[tuple[str, str, str], OnCron] = {}
    step: dict[tuple[str, str, str], list[CronTicked | TicksSkipped]] = defaultdict(list)
    ticked: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for record in evidence.records:
        fact = record.fact
        match fact:
            case CronTicked() | TicksSkipped():
                step[fact.service, fact.trigger, fact.condition].append(fact)
            case TriggerDeclared():
                for name, condition in fact.spec.conditions.items():
                    if isinstance(condition, OnCron):
                        specs[fact.service, fact.trigger, name] = condition
                for name, due in fact.timers.items():
                    timers[fact.service, fact.trigger, name] = due
            case TriggerResumed():
                timers |= {(fact.service, fact.trigger, name): due for name, due in fact.timers.items()}
            case ServiceResumed():
                timers |= {
                    (fact.service, of, name): due for of, each in fact.timers.items() for name, due in each.items()
                }
            case Decided():
                for key, facts in step.items():
                    yield from _ticks(fact, key, specs[key], timers, facts)
                    ticked[key] += [each.slot for each in facts if isinstance(each, CronTicked)]
                step.clear()
            case _:
                pass
    for key, slots in ticked.items():
        if slots != sorted(set(slots)):
            yield f"slots of {key} tick out of order or twice"
        for begin, end in evidence.downs.get(key[0], []):
            missed = [slot for slot in slots if begin + evidence.margin < slot < end - evidence.margin]
            evidence.seen["slot missed and kept"] += bool(missed)
            if missed and specs[key].catchup == "none":
                yield f"{key} ticks {missed}, which nobody watched, though it catches up with none"
            if len(missed) > 1 and specs[key].catchup == "latest":
                yield f"{key} ticks {missed}, which nobody watched, though it catches up with the latest"


def _ticks(
    decided: Decided,
    key: tuple[str, str, str],
    spec: OnCron,
    timers: dict[tuple[str, str, str], int],
    facts: Sequence[CronTicked | TicksSkipped],
) -> Iterator[str]:
    """Each slot from the timer's to the next one's is ticked or counted."""
    every = int(spec.expression.split()[0].removeprefix("*/")) * 1_000_000
    start, end = timers[key], facts[-1].next
    timers[key] = end
    slots = [each.slot for each in facts if isinstance(each, CronTicked)]
    skipped = sum(each.count for each in facts if isinstance(each, TicksSkipped))
    # "*/7" of seconds starts over each minute.
    should = [
        minute + second
        for minute in range(start - start % 60_000_000, end, 60_000_000)
        for second in range(0, 60_000_000, every)
        if start <= minute + second < end
    ]
    if len(slots) + skipped != len(should) or not set(slots) <= set(should):
        yield f"slots of {key} from {start} to {end}: {len(should)} came due, {slots} ticked, {skipped} were skipped"
    if any(slot > decided.clock for slot in slots):
        yield f"a slot of {key} ticked before its time, at clock {decided.clock}: {slots}"


# Polls.


def polls(evidence: Evidence) -> Iterator[str]:
    """An answer counts for a slot of its own; an equal one only once what the last one began has ended."""
    specs: dict[tuple[str, str], OnPoll] = {}
    nexts: dict[tuple[str, str], int] = {}
    flying: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    over: set[str] = set()
    matches: dict[str, str] = {}
    begun: dict[str, str] = {}
    for record in evidence.records:
        fact = record.fact
        match fact:
            case TriggerDeclared():
                for name, condition in fact.spec.conditions.items():
                    if isinstance(condition, OnPoll):
                        specs[fact.trigger, name] = condition
                # A poll that is no longer declared is forgotten.
                for key in [key for key in nexts if key[0] == fact.trigger and key[1] not in fact.spec.conditions]:
                    del nexts[key], flying[key]
            case TriggerRetired():
                for key in [key for key in nexts if key[0] == fact.trigger]:
                    del nexts[key], flying[key]
            case PollAnswered():
                key, spec = (fact.trigger, fact.condition), specs[fact.trigger, fact.condition]
                evidence.seen["poll answered"] += 1
                if fact.slot < nexts.get(key, 0) or fact.next != fact.slot + spec.every:
                    yield f"{key} answers slot {fact.slot} at {record.position}, the next one was {nexts.get(key)}"
                nexts[key] = fact.next
                payload = msgspec.json.encode(msgspec.json.decode(fact.payload), order="sorted").decode()
                before = flying[key].get(payload)
                if before is not None and before not in over and not spec.allow_concurrent:
                    yield f"{key} answers {payload} again at {record.position}, and what {before} began is unfinished"
                flying[key][payload] = record.id
            case ConditionMatched() if fact.kind == "poll":
                matches[record.id] = fact.source
            case WindowExpired() | MatchesDropped():
                over.update(matches[each] for each in fact.matches if each in matches)
            case TriggerFired() | RunFailed() | DepthExceeded():
                for each in fact.participants:
                    if each.kind == "poll" and isinstance(fact, TriggerFired):
                        begun[fact.invocation] = each.source
                    elif each.kind == "poll":
                        over.add(each.source)
            case AttemptEnded() | InvocationCancelled():
                if isinstance(fact, InvocationCancelled) or fact.final:
                    over.add(begun.get(fact.invocation, ""))
            case _:
                pass


# Views: P1 to P3.


def views(evidence: Evidence) -> Iterator[str]:
    """Decision views equal a rebuild, query views a fold of the log from scratch, whatever the pages."""
    space = evidence.space
    before = space.dump()
    space.rebuild()
    after = space.dump()
    for table, rows in before.items():
        if rows != after[table]:
            missing = [row for row in after[table] if row not in rows]
            more = [row for row in rows if row not in after[table]]
            yield f"{table}: a rebuild gives {missing[:2]} where the view has {more[:2]}"
    fresh, draw = Space(), random.Random(evidence.seed)
    fold, position = QueryFold(), 0
    upto = space.views.cursors.get(PROJECTION, (0, 0))[1]
    while position < upto:
        page = evidence.records[position : min(position + draw.choice([1, 3, 50, 1_000]), upto)]
        changed = fold.fold(page, {name: table.rows for name, table in fresh.views.tables.items()})
        fresh.views.project(Cursor(PROJECTION, VERSION, position), changed, page[-1].position)
        position = page[-1].position
    for name, live in space.views.tables.items():
        other = fresh.views.tables[name].rows
        if live.rows != other:
            keys = [key for key in {**live.rows, **other} if live.rows.get(key) != other.get(key)]
            yield f"{name}: the view has {live.rows.get(keys[0])}, a fold gives {other.get(keys[0])}"


def verified(evidence: Evidence) -> Iterator[str]:
    """`ensue verify` finds nothing wrong with the log, and every view as a fold of what is open gives it."""
    space, draw = evidence.space, random.Random(evidence.seed)
    fold = WholeFold(evidence.namespace)
    upto = space.views.cursors.get(PROJECTION, (0, 0))[1]
    while fold.position < len(evidence.records):
        end = upto if fold.position < upto else len(evidence.records)
        page = evidence.records[fold.position : min(fold.position + draw.choice([1, 3, 50, 1_000]), end)]
        fold.page(page, [encode_fact(each.fact) for each in page], queries=fold.position < upto)
    fold.sound.end()
    for flaw in fold.sound.flaws:
        yield f"record {flaw.position}, {flaw.kind} {flaw.says}"
    moment = MemoryMoment(space)
    for table, digest in {**fold.queries.digests(), **fold.decisions()}.items():
        total = Sum(table)
        total.add(moment.standing[cast("Table", table)])
        if total.digest() != digest:
            yield f"{table}: the view's digest is {total.digest()}, a fold gives {digest}"
