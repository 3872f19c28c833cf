"""What data alone can answer about a plan, and which questions are left for user code. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ensue.scheduler.listening import Ear, Subject
from ensue.scheduler.plan import Candidate, Plan
from ensue_core.declarations import ByFunction, Condition, OnException
from ensue_core.facts import Failure, InvocationCreated, TriggerFired
from ensue_core.records import Record
from ensue_core.statuses import Status
from ensue_core.values import Json, decode
from ensue_projections.filters import key_of, passes, type_matches
from ensue_projections.occurrences import Occurrence


class Question(msgspec.Struct, frozen=True, gc=False):
    """Ask a user's filter function about one value of one occurrence."""

    trigger: str
    condition: str
    subject: Subject
    function: str
    occurrence: Occurrence


class Open(msgspec.Struct, frozen=True, gc=False):
    """A condition whose data part holds; it is satisfied where all its questions are answered yes."""

    condition: str
    key: str
    questions: tuple[Question, ...]


class Evaluated(msgspec.Struct, frozen=True, gc=False):
    """What is known about a candidate: conditions satisfied (id → key), and those still open."""

    candidate: Candidate
    satisfied: dict[str, str]
    open: tuple[Open, ...] = ()


class Upstream:
    """The calls behind status changes: arguments by the position of the record that created the invocation."""

    def __init__(self, records: Mapping[int, Record]) -> None:
        self._records = records
        self._plain: dict[int, dict[str, Json]] = {}

    def raw(self, occurrence: Occurrence) -> bytes:
        """Return the stored arguments of the source invocation."""
        fact = self._records[occurrence.created].fact
        assert isinstance(fact, (InvocationCreated, TriggerFired))
        return bytes(fact.arguments)

    def arguments(self, occurrence: Occurrence) -> dict[str, Json]:
        """Return the source invocation's arguments as JSON types."""
        found = self._plain.get(occurrence.created)
        if found is None:
            found = self._plain[occurrence.created] = decode(self.raw(occurrence))
        return found


def upstream_positions(plan: Plan) -> set[int]:
    """Return the positions of creating records that evaluating a plan needs."""
    return {
        candidate.occurrence.created
        for entry in plan.entries
        for candidate in entry.candidates
        if candidate.occurrence.created
    }


def evaluate(plan: Plan, upstream: Upstream) -> list[list[Evaluated]]:
    """Answer what data can answer, entry by entry, in the plan's order."""
    return [_entry(entry.candidates, upstream) for entry in plan.entries]


def questions_of(evaluated: Sequence[Sequence[Evaluated]]) -> list[Question]:
    """Return every question in the order in which it is to be asked."""
    return [
        question for entry in evaluated for each in entry for condition in each.open for question in condition.questions
    ]


def _entry(candidates: Sequence[Candidate], upstream: Upstream) -> list[Evaluated]:
    values: dict[tuple[int, Subject], Json] = {}
    return [_candidate(candidate, upstream, values) for candidate in candidates]


def _candidate(candidate: Candidate, upstream: Upstream, values: dict[tuple[int, Subject], Json]) -> Evaluated:
    satisfied: dict[str, str] = {}
    still: list[Open] = []
    for ear in candidate.conditions:
        answer = _condition(candidate, ear, upstream, values)
        if isinstance(answer, str):
            satisfied[ear.name] = answer
        elif answer is not None:
            still.append(answer)
    return Evaluated(candidate, satisfied, tuple(still))


def _condition(
    candidate: Candidate, ear: Ear, upstream: Upstream, values: dict[tuple[int, Subject], Json]
) -> str | Open | None:
    """Return the key where the condition holds, an Open where a function must be asked, None where it fails."""
    occurrence = candidate.occurrence
    condition = ear.condition
    if isinstance(condition, OnException) and not type_fits(condition, occurrence.failure):
        return None
    questions: list[Question] = []
    for subject, filter_ in ear.filters:
        if subject == "result" and occurrence.status is Status.FAILED:
            continue  # a failure brings no result: only its arguments are asked about
        if isinstance(filter_, ByFunction):
            questions.append(Question(candidate.spec.id, ear.name, subject, filter_.function.name, occurrence))
        elif not passes(filter_, value_of(occurrence, subject, upstream, values)):
            return None
    key = key_in(condition, occurrence, upstream, values)
    if key is None:
        return None
    return Open(ear.name, key, tuple(questions)) if questions else key


def value_of(
    occurrence: Occurrence, subject: Subject, upstream: Upstream, values: dict[tuple[int, Subject], Json]
) -> Json:
    where = (occurrence.index, subject)
    if where not in values:
        if subject == "arguments":
            values[where] = upstream.arguments(occurrence)
        else:
            raw = occurrence.payload if subject == "payload" else occurrence.result
            values[where] = decode(raw) if raw is not None else None
    return values[where]


def key_in(
    condition: Condition, occurrence: Occurrence, upstream: Upstream, values: dict[tuple[int, Subject], Json]
) -> str | None:
    if condition.key.kind == "source":
        return occurrence.source
    if condition.key.kind == "any":
        return "*"
    if occurrence.kind in ("event", "poll"):
        return key_of(condition.key, value_of(occurrence, "payload", upstream, values))
    plain: dict[str, Any] = dict(upstream.arguments(occurrence))
    if occurrence.result is not None:
        plain["result"] = value_of(occurrence, "result", upstream, values)
    return key_of(condition.key, plain)


def type_fits(condition: OnException, failure: Failure | None) -> bool:
    """Whether a failure is of one of the types or derives from one; names may be bare or dotted."""
    return failure is not None and type_matches(condition.types, (failure.type, *failure.bases))
