"""Why a trigger fired for something, or did not: what is recorded, and where nothing is, what blocks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ensue.program import Program
from ensue.queries.fresh import freshen
from ensue.queries.shown import WaitingView, run_view
from ensue.replay.judging import Judged, judge
from ensue.replay.partners import denied, missing_conditions, missing_words
from ensue.replay.sources import occurrences_about
from ensue.replay.told import ConditionView, Explanation, Verdict
from ensue.scheduler.asking import Asker
from ensue.scheduler.evaluate import Upstream
from ensue.scheduler.listening import Ear, Listening
from ensue.sentences import condition_words
from ensue_core.clock import iso, to_datetime
from ensue_core.declarations import ByFunction, TriggerSpec
from ensue_core.errors import NotFound
from ensue_core.facts import (
    ConditionFailed,
    ConditionMatched,
    DepthExceeded,
    MatchesDropped,
    RunFailed,
    TriggerFired,
    WindowExpired,
)
from ensue_core.ids import Id, derive
from ensue_core.ports import Chain, RunQuery, Store
from ensue_core.records import Record
from ensue_core.rows import RunRow, TriggerRow, WaitingRow
from ensue_projections.occurrences import Occurrence
from ensue_projections.pairing import match_id

__all__ = ["Explained", "explain_source"]

_FURTHEST: tuple[Verdict, ...] = (
    "fired", "failed", "too deep", "waiting", "expired", "dropped", "could not be asked", "no", "not asked",
)  # fmt: skip
_LOOKED_AT_MAX = 1_000
"""How many of a trigger's problems are looked through for a match that waits no longer."""

Run = TriggerFired | RunFailed | DepthExceeded


class Explained(msgspec.Struct, frozen=True):
    """A trigger as it is explained: where it is declared, and the code that is here for it."""

    store: Store
    chain: Chain
    row: TriggerRow
    program: Program | None
    asker: Asker

    @property
    def spec(self) -> TriggerSpec:
        """The trigger as data."""
        return self.row.spec

    def words(self, condition: str) -> str:
        """Return one of its conditions in words."""
        return condition_words(self.spec.conditions[condition])

    def waits(self, rows: Sequence[WaitingRow]) -> tuple[WaitingView, ...]:
        """Show matches that wait."""
        return tuple(
            WaitingView(
                condition=self.words(row.condition), key=row.key, kind=row.kind, source=row.source,
                since=to_datetime(row.occurred), until=to_datetime(row.deadline),
            )
            for row in rows if row.condition in self.spec.conditions
        )  # fmt: skip


async def explain_source(asked: Explained, source: Id) -> Explanation:
    """Say what became of an event, or of each change of an invocation. Raises `NotFound`."""
    await freshen(asked.store)
    records = await occurrences_about(asked.store, source)
    if not records:
        raise NotFound("event or invocation", source)
    listening = Listening([asked.spec])
    heard = [
        (occurrence, ears) for _, each in records for occurrence in each for _, ears in listening.listeners(occurrence)
    ]
    if not heard:
        return _not_heard(asked, records)
    found = [await _became(asked, occurrence, ears) for occurrence, ears in heard]
    return min(found, key=lambda each: _FURTHEST.index(each.verdict))


def _not_heard(asked: Explained, records: Sequence[tuple[Record, Sequence[Occurrence]]]) -> Explanation:
    first = records[0][1][0]
    what = f"event {first.code}" if first.kind == "event" else f"an invocation of {first.task}"
    if first.poll is not None:
        what = f"an answer to a poll of {first.poll[0]}"
    statuses = dict.fromkeys(str(each.status) for _, some in records for each in some if each.status)
    tail = f" that was {', '.join(statuses)}" if statuses else ""
    return Explanation(
        trigger=asked.spec.id, when=asked.spec.sentence, verdict="not heard",
        says=f"{asked.spec.id} does not listen to it: it is {what}{tail}, the trigger waits for {asked.spec.sentence}",
        time=to_datetime(first.time), position=first.position,
    )  # fmt: skip


async def _became(asked: Explained, occurrence: Occurrence, ears: Sequence[Ear]) -> Explanation:
    """Say what became of one occurrence, from the log where it tells."""
    runs = await _runs_of(asked, occurrence)
    if runs:
        return _ran(asked, occurrence, runs[0])
    not_asked = _why_not_asked(asked, occurrence)
    if not_asked:
        return _explanation(asked, occurrence, "not asked", f"{asked.spec.id} was not asked: {not_asked}")
    for ear in ears:
        matched = await asked.store.log.find(match_id(asked.store.namespace, asked.spec.id, ear.name, occurrence))
        if matched is not None and isinstance(matched.fact, ConditionMatched):
            return await _waited(asked, occurrence, matched, matched.fact)
    return await _blocked(asked, occurrence, ears)


# It led to a run.


async def _runs_of(asked: Explained, occurrence: Occurrence) -> list[tuple[RunRow, Run]]:
    """Return the trigger's runs in which this very occurrence took part."""
    query = RunQuery(source=occurrence.source, trigger=asked.spec.id, limit=100)
    rows = await asked.store.views.runs(query)
    records = await asked.store.log.read_at([row.position for row in rows])
    found: list[tuple[RunRow, Run]] = []
    for row in rows:
        fact = records[row.position].fact
        if isinstance(fact, Run) and any(
            (each.position, each.index) == (occurrence.position, occurrence.index) for each in fact.participants
        ):
            found.append((row, fact))
    return found


def _ran(asked: Explained, occurrence: Occurrence, run: tuple[RunRow, Run]) -> Explanation:
    row, fact = run
    said = tuple(
        ConditionView(condition=asked.words(each.condition), holds=True, recorded=True, key=row.key or None)
        for each in fact.participants
        if each.condition in asked.spec.conditions
    )
    name = asked.spec.id
    match fact:
        case TriggerFired():
            verdict: Verdict = "fired"
            says = f"{name} fired: run {row.id} made invocation {row.invocation} of {row.task}"
            needs = ""
        case RunFailed():
            verdict = "failed"
            says = f"{name} was satisfied, and its arguments could not be made ({fact.reason}: {fact.error})"
            needs = "arguments that fit the task: correct the code and retry the run"
        case DepthExceeded():
            verdict = "too deep"
            says = f"{name} was satisfied at the end of {fact.depth} causes in a row, which is more than may be"
            needs = "a shorter chain of causes, or a greater cause_depth_max"
    found = _explanation(asked, occurrence, verdict, says)
    return msgspec.structs.replace(found, needs=needs, conditions=said, runs=(run_view(row),))


# It was never asked about.


def _why_not_asked(asked: Explained, occurrence: Occurrence) -> str:
    row, chain, at = asked.row, asked.chain.row, occurrence.position
    if not chain.version or not row.version:
        return "it is not declared in this store: start `ensue run`, or `ensue declare`"
    if at <= row.begins:
        return f"it counts records past position {row.begins}, and this one stands at {at}"
    passed = row.own or chain.through
    if at <= passed.position:
        return ""
    if row.state == "retired":
        return "it is retired: no declared program has it"
    if row.state == "paused":
        return f"it is paused ({row.reason}) since position {passed.position}: `ensue triggers resume` lets it go on"
    if chain.paused:
        return f"service {chain.service} is paused: `ensue resume` lets it go on"
    return ""


# A match waits, or has waited.


async def _waited(asked: Explained, occurrence: Occurrence, record: Record, fact: ConditionMatched) -> Explanation:
    same = [each for each in asked.chain.waiting if (each.trigger, each.key) == (asked.spec.id, fact.key)]
    said = ConditionView(condition=asked.words(fact.condition), holds=True, recorded=True, key=fact.key)
    names = missing_conditions(asked, {fact.condition, *(each.condition for each in same)})
    missing = missing_words(asked, fact.key, names)
    noes, but = await said_no(asked, fact, names)
    name, since = asked.spec.id, iso(fact.occurred)
    if any(each.match == record.id for each in same):
        says = f"{name} has not fired: {said.condition} matched and waits since {since} for {missing}{but}"
        found = _explanation(asked, occurrence, "waiting", says)
        needs = f"{missing}, until {iso(fact.deadline)}"
    else:
        verdict, how = await _gone(asked, record, fact)
        found = _explanation(
            asked, occurrence, verdict, f"{name} did not fire: {said.condition} matched, and {how}{but}"
        )
        needs = f"{missing}, before {iso(fact.deadline)}"
    return msgspec.structs.replace(found, needs=needs, conditions=(said, *noes), waits=asked.waits(same))


async def said_no(
    asked: Explained, waited: ConditionMatched | WaitingRow, names: list[str]
) -> tuple[list[ConditionView], str]:
    """Return what conditions that are missing said no to, and the same as the end of a sentence."""
    noes = [_judged(asked, each) for each in await denied(asked, waited, names)]
    return noes, "".join(f"; {each.condition} said no ({each.because})" for each in noes)


async def _gone(asked: Explained, record: Record, fact: ConditionMatched) -> tuple[Verdict, str]:
    """Say how a match that took part in no run came to wait no longer."""
    rows = await asked.store.views.problems(None, _LOOKED_AT_MAX)
    positions = [row.position for row in rows if row.trigger == asked.spec.id and row.position > record.position]
    for each in (await asked.store.log.read_at(positions)).values():
        match each.fact:
            case WindowExpired(matches=matches) if record.id in matches:
                return "expired", f"its window passed at {iso(fact.deadline)} without a partner"
            case MatchesDropped(matches=matches) if record.id in matches:
                return "dropped", "it gave way, as too many waited (waiting_per_key_max, waiting_per_trigger_max)"
            case _:
                pass
    if fact.deadline < asked.chain.row.clock:
        return "expired", f"its window passed at {iso(fact.deadline)} without a partner"
    return "dropped", f"the join closed when invocation {fact.key} ended"


# A condition said no.


async def _blocked(asked: Explained, occurrence: Occurrence, ears: Sequence[Ear]) -> Explanation:
    said: list[ConditionView] = []
    open_ = False
    for ear in ears:
        failed = await _recorded_failure(asked, occurrence, ear)
        if failed is not None:
            because = f"{failed.reason}: {failed.error}" if failed.error else failed.reason
            view = ConditionView(condition=asked.words(ear.name), holds=None, recorded=True, because=because)
            said.append(view)
            continue
        upstream = Upstream(await asked.store.log.read_at([occurrence.created] if occurrence.created else []))
        (judged,) = await judge(asked.spec, [ear], occurrence, upstream, asked.program, asked.asker)
        said.append(_judged(asked, judged))
        open_ = open_ or judged.holds is True or judged.by_function
    first = next((each for each in said if each.holds is not True), said[0])
    verdict: Verdict = "could not be asked" if first.holds is None and first.recorded else "no"
    name = asked.spec.id
    if occurrence.position > (asked.row.own or asked.chain.row.through).position and open_:
        # What data alone denies is no Step's business, so the chain need not have passed it; this would be.
        says, needs = f"{name} has not decided about it yet", "a live scheduler: see `ensue doctor`"
        verdict = "not asked"
    elif first.holds:
        says = (
            f"{name} did not fire, though what is declared now says yes: it said no when it was asked, or a resume "
            "from now passed this over"
        )
        needs = ""
    elif first.recorded:
        says = f"{name} did not fire: {first.condition} could not be asked ({first.because})"
        needs = "a filter that answers: correct the code and retry"
    else:
        says, needs = f"{name} did not fire: {first.because}", _wanted(first)
    found = _explanation(asked, occurrence, verdict, says)
    return msgspec.structs.replace(found, needs=needs, conditions=tuple(said))


async def _recorded_failure(asked: Explained, occurrence: Occurrence, ear: Ear) -> ConditionFailed | None:
    """Look up whether a function of a condition failed: such a fact's id follows from what it was asked."""
    for subject, filter_ in ear.filters:
        if isinstance(filter_, ByFunction):
            id = failure_id(asked.store.namespace, occurrence, asked.spec.id, ear.name, subject)
            record = await asked.store.log.find(id)
            if record is not None and isinstance(record.fact, ConditionFailed):
                return record.fact
    return None


def failure_id(namespace: str, occurrence: Occurrence, trigger: str, condition: str, subject: str) -> Id:
    """Return the id of the fact that says that a function could not be asked."""
    return derive(
        occurrence.time, "failed", namespace, occurrence.record, occurrence.index, trigger, condition, subject
    )


def _judged(asked: Explained, judged: Judged) -> ConditionView:
    return ConditionView(
        condition=asked.words(judged.condition), holds=judged.holds, recorded=False, because=judged.because,
        saw=None if judged.absent else judged.saw, key=judged.key,
    )  # fmt: skip


def _wanted(first: ConditionView) -> str:
    return first.because.partition(": ")[0] if first.holds is False else ""


def _explanation(asked: Explained, occurrence: Occurrence, verdict: Verdict, says: str) -> Explanation:
    return Explanation(
        trigger=asked.spec.id, when=asked.spec.sentence, verdict=verdict, says=says,
        time=to_datetime(occurrence.time), position=occurrence.position,
    )  # fmt: skip
