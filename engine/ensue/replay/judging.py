"""What one condition says of one occurrence, test by test: the first that blocks, and the value it saw.

The scheduler's evaluation asks whether a condition holds; this asks the same questions one by one, to tell which.
Nothing is written. Functions of the program are asked where it is here, with the deadline they always have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ensue.program import DeclaredTrigger, Program
from ensue.scheduler.asking import Asker, Call
from ensue.scheduler.contexts import subject_of
from ensue.scheduler.evaluate import Question, Upstream, key_in, type_fits, value_of
from ensue.scheduler.listening import Ear, Subject
from ensue.sentences import test_words
from ensue_core.declarations import ByFunction, OnException, Subset, TriggerSpec
from ensue_core.statuses import Status
from ensue_core.values import Json
from ensue_projections.filters import at_path, passes
from ensue_projections.occurrences import Occurrence


class Judged(msgspec.Struct, frozen=True):
    """One condition's answer. `holds` of None: a function that is not here, or that failed, had to be asked.

    Where it does not hold: `test` is what blocked, in words, `saw` the value it was given, `absent` where there was
    none. `by_function`: the last word was a function's.
    """

    condition: str
    holds: bool | None
    key: str | None = None
    test: str = ""
    saw: Any = None
    absent: bool = False
    error: str = ""
    by_function: bool = False

    @property
    def because(self) -> str:
        """Why it does not hold, in words."""
        if self.holds:
            return ""
        saw = "there is none" if self.absent else f"it was {shown(self.saw)}"
        if self.error:
            return f"{self.test}: {self.error}"
        return f"{self.test}: {saw}"


async def judge(
    spec: TriggerSpec,
    ears: Sequence[Ear],
    occurrence: Occurrence,
    upstream: Upstream,
    program: Program | None,
    asker: Asker,
) -> list[Judged]:
    """Ask conditions of a trigger about one occurrence, in order; `program` has the functions, if any."""
    trigger = _declared(spec, program)
    values: dict[tuple[int, Subject], Json] = {}
    return [await _condition(spec, ear, occurrence, upstream, values, trigger, program, asker) for ear in ears]


async def _condition(
    spec: TriggerSpec,
    ear: Ear,
    occurrence: Occurrence,
    upstream: Upstream,
    values: dict[tuple[int, Subject], Json],
    trigger: DeclaredTrigger | None,
    program: Program | None,
    asker: Asker,
) -> Judged:
    """Ask data first, then functions, as the scheduler does."""
    condition = ear.condition
    if isinstance(condition, OnException) and not type_fits(condition, occurrence.failure):
        saw = occurrence.failure.type if occurrence.failure else None
        return Judged(ear.name, False, test=f"exception is {' or '.join(condition.types)}", saw=saw)
    open_: list[tuple[Subject, ByFunction]] = []
    for subject, filter_ in ear.filters:
        if subject == "result" and occurrence.status is Status.FAILED:
            continue
        if isinstance(filter_, ByFunction):
            open_.append((subject, filter_))
            continue
        value = value_of(occurrence, subject, upstream, values)
        if not passes(filter_, value):
            return _blocked(ear.name, subject, filter_, value)
    key = key_in(condition, occurrence, upstream, values)
    if key is None:
        path = condition.key.path
        return Judged(ear.name, False, test=f"key {path} exists", absent=True)
    for subject, filter_ in open_:
        value = value_of(occurrence, subject, upstream, values)
        judged = await _function(spec, ear, subject, filter_, occurrence, upstream, value, trigger, program, asker)
        if judged is not None:
            return replace(judged, key=key, by_function=True)
    return Judged(ear.name, True, key=key, by_function=bool(open_))


def _blocked(name: str, subject: Subject, filter_: Any, value: Json) -> Judged:
    """Return the first test that a value does not pass."""
    if not isinstance(filter_, Subset):
        return Judged(name, False, test=f"{subject} {test_words(filter_.test)}", saw=value)
    for path, test in filter_.tests.items():
        if not passes(Subset({path: test}), value):
            found, saw = at_path(value, path)
            return Judged(name, False, test=f"{subject} {path} {test_words(test)}", saw=saw, absent=not found)
    raise AssertionError("a subset that does not pass has a test that does not")


async def _function(
    spec: TriggerSpec,
    ear: Ear,
    subject: Subject,
    filter_: ByFunction,
    occurrence: Occurrence,
    upstream: Upstream,
    value: Json,
    trigger: DeclaredTrigger | None,
    program: Program | None,
    asker: Asker,
) -> Judged | None:
    """Ask a function; None where it says yes."""
    name = filter_.function.name
    test = f"{subject} passes {name.partition(':')[2] or name}"
    function = trigger.functions.get(name) if trigger is not None else None
    if function is None or trigger is None or program is None:
        return Judged(ear.name, None, test=test, saw=value, error="its code is not here, name the program with --app")
    question = Question(spec.id, ear.name, subject, name, occurrence)
    (answer,) = await asker.ask([Call(spec.id, lambda: function(subject_of(question, trigger, program, upstream)))])
    if answer.failed:
        return Judged(ear.name, None, test=test, saw=value, error=answer.error or answer.reason)
    if not isinstance(answer.value, bool):
        said = f"it returned {type(answer.value).__name__}, not True or False"
        return Judged(ear.name, None, test=test, saw=value, error=said)
    return None if answer.value else Judged(ear.name, False, test=test, saw=value)


def _declared(spec: TriggerSpec, program: Program | None) -> DeclaredTrigger | None:
    if program is None:
        return None
    return next((each for each in program.triggers if each.spec.id == spec.id), None)


def shown(value: Json, most: int = 200) -> str:
    """Write a value for people, not too long."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= most else f"{text[: most - 3]}..."
