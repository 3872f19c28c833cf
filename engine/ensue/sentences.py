"""A rule in plain language: `status of ingest is SUCCESS and result of ingest has count > 5`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

import msgspec

from ensue_core.declarations import (
    Branch,
    ByFunction,
    Condition,
    Filter,
    OnCron,
    OnEvent,
    OnException,
    OnPoll,
    OnResult,
    OnStatus,
    Subset,
    Test,
    Whole,
)
from ensue_core.durations import said_duration

__all__ = ["sentence"]

_SIGNS = {"eq": "=", "ne": "≠", "gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def sentence(conditions: Mapping[str, Condition], branches: Sequence[Branch]) -> str:
    """Return what a trigger waits for, as people say it."""
    alternatives: list[str] = []
    for branch in branches:
        joined = " and ".join(condition_words(conditions[name]) for name in branch.conditions)
        alternatives.append(f"({joined})" if len(branch.conditions) > 1 and len(branches) > 1 else joined)
    return " or ".join(alternatives)


def condition_words(condition: Condition) -> str:
    match condition:
        case OnEvent():
            said = f"event {condition.code}{_with(condition.payload, 'payload')}"
        case OnStatus():
            statuses = " or ".join(condition.statuses)
            said = f"status of {condition.task} is {statuses}{_with(condition.arguments, 'arguments')}"
        case OnResult(failures=True):
            said = f"{condition.task} ends{_with(condition.arguments, 'arguments')}"
        case OnResult():
            said = f"{_result(condition)}{_with(condition.arguments, 'arguments')}"
        case OnException():
            types = " or ".join(name.removeprefix("builtins.") for name in condition.types) or "any exception"
            said = f"{condition.task} fails with {types}{_with(condition.arguments, 'arguments')}"
        case OnCron():
            said = f"schedule {condition.expression}"
        case OnPoll():
            said = f"poll {condition.function.name.partition(':')[2]} every {said_duration(condition.every)}"
        case _:
            assert_never(condition)
    return f"{said} by {condition.key.path}" if condition.key.kind == "path" else said


def _result(condition: OnResult) -> str:
    match condition.result:
        case Subset() if not condition.result.tests:
            return f"{condition.task} succeeds"
        case Subset() | Whole():
            return f"result of {condition.task} {_says(condition.result)}"
        case ByFunction():
            return f"result of {condition.task} passes {_short(condition.result)}"


def _with(filter_: Filter, what: str) -> str:
    match filter_:
        case Subset() if not filter_.tests:
            return ""
        case Subset() | Whole():
            return f" whose {what} {_says(filter_)}"
        case ByFunction():
            return f" whose {what} pass{'' if what == 'arguments' else 'es'} {_short(filter_)}"


def _says(filter_: Subset | Whole) -> str:
    match filter_:
        case Subset():
            tests = ", ".join(f"{path} {test_words(test)}" for path, test in filter_.tests.items())
            return f"has {tests}"
        case Whole():
            said = test_words(filter_.test)
            return f"is {said.removeprefix('= ')}" if filter_.test.op in _SIGNS else said


def test_words(test: Test) -> str:
    if test.op == "exists":
        return "exists" if test.value else "is missing"
    word = _SIGNS.get(test.op, test.op.replace("_", " "))
    return f"{word} {_value(test.value)}"


def _value(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."


def _short(filter_: ByFunction) -> str:
    return filter_.function.name.partition(":")[2]
