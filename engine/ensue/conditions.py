"""Conditions: `on_event`, `on_status`, `on_success`, `on_any_result`, `on_result`, `on_exception`, `on_cron`,
`on_poll`.

Each says what a task reacts to and stands on the task that reacts. Nothing is checked here beyond types:
the task that carries the condition checks it, so that errors can name that task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from ensue.contexts import (
    CronContext,
    EndContext,
    EventContext,
    ExceptionContext,
    PollContext,
    ResultContext,
    StatusContext,
)
from ensue.events import Event
from ensue.filters import Comparison
from ensue.polls import PollFunction
from ensue.rules import MISSING, Question
from ensue.triggers import Condition
from ensue_core.declarations import Catchup
from ensue_core.durations import Duration
from ensue_core.statuses import Status

if TYPE_CHECKING:
    from ensue.tasks import Task, TaskRef

__all__ = [
    "ArgumentsFilter",
    "StatusName",
    "on_any_result",
    "on_cron",
    "on_event",
    "on_exception",
    "on_poll",
    "on_result",
    "on_status",
    "on_success",
]

T = TypeVar("T")
R = TypeVar("R")

StatusName = Literal[
    "REGISTERED",
    "SCHEDULED",
    "PENDING",
    "RUNNING",
    "RETRY",
    "SUCCESS",
    "FAILED",
    "CANCELLED",
    "registered",
    "scheduled",
    "pending",
    "running",
    "retry",
    "success",
    "failed",
    "cancelled",
]
"""The statuses as text; any case works, these two are known to type checkers."""

Fields = Mapping[str, object]
ArgumentsFilter = Fields | Callable[[dict[str, Any]], bool] | None
"""Which calls of the watched task count: a mapping of some of its arguments, or a function of them all."""


@overload
def on_event(
    event: Event[T], payload_filter: Fields | Comparison | Callable[[T], bool] | None = None
) -> Condition[EventContext[T]]: ...
@overload
def on_event(
    event: str, payload_filter: Fields | Comparison | Callable[[dict[str, Any]], bool] | None = None
) -> Condition[EventContext[dict[str, Any]]]: ...
def on_event(event: Event[Any] | str, payload_filter: Any = None) -> Condition[EventContext[Any]]:
    """React to each event with that code, `"orders.*"` to a family, if its payload passes."""
    return Condition(Question("on_event", event, {"filter": payload_filter}))


def on_status(
    task: Task[..., Any] | TaskRef[Any] | str,
    statuses: Status | StatusName | Sequence[Status | StatusName] = "SUCCESS",
    call_arguments: ArgumentsFilter = None,
) -> Condition[StatusContext]:
    """React to each change to one of the statuses, intermediate ones too, each attempt its own."""
    return Condition(Question("on_status", task, {"statuses": statuses, "arguments": call_arguments}))


@overload
def on_success(
    task: Task[..., R] | TaskRef[R], call_arguments: ArgumentsFilter = None
) -> Condition[ResultContext[R]]: ...
@overload
def on_success(task: str, call_arguments: ArgumentsFilter = None) -> Condition[ResultContext[Any]]: ...
def on_success(
    task: Task[..., Any] | TaskRef[Any] | str, call_arguments: ArgumentsFilter = None
) -> Condition[ResultContext[Any]]:
    """React to each success, whatever the result."""
    return Condition(Question("on_success", task, {"arguments": call_arguments}))


@overload
def on_any_result(
    task: Task[..., R] | TaskRef[R], call_arguments: ArgumentsFilter = None
) -> Condition[EndContext[R]]: ...
@overload
def on_any_result(task: str, call_arguments: ArgumentsFilter = None) -> Condition[EndContext[Any]]: ...
def on_any_result(
    task: Task[..., Any] | TaskRef[Any] | str, call_arguments: ArgumentsFilter = None
) -> Condition[EndContext[Any]]:
    """React to each final end, success or failure.

    With `with_args_from_result` as the only source of arguments it reacts to successes only.
    """
    return Condition(Question("on_any_result", task, {"arguments": call_arguments}))


@overload
def on_result(
    task: Task[..., R] | TaskRef[R],
    filter_result: Callable[[R], bool],
    call_arguments: ArgumentsFilter = None,
) -> Condition[ResultContext[R]]: ...
@overload
def on_result(
    task: Task[..., R] | TaskRef[R],
    filter_result: R | Comparison | Fields,
    call_arguments: ArgumentsFilter = None,
) -> Condition[ResultContext[R]]: ...
@overload
def on_result(
    task: str, filter_result: object, call_arguments: ArgumentsFilter = None
) -> Condition[ResultContext[Any]]: ...
def on_result(
    task: Task[..., Any] | TaskRef[Any] | str,
    filter_result: Any = MISSING,
    call_arguments: ArgumentsFilter = None,
) -> Condition[ResultContext[Any]]:
    """React to each success whose result passes.

    A mapping is a subset match, a plain value (None too) compares equal, `eq(x)` is whole equality, a
    function gets the typed result and answers yes or no.
    """
    return Condition(Question("on_result", task, {"filter": filter_result, "arguments": call_arguments}))


def on_exception(
    task: Task[..., Any] | TaskRef[Any] | str,
    exception_types: type[BaseException] | str | Sequence[type[BaseException] | str] | None = None,
    call_arguments: ArgumentsFilter = None,
) -> Condition[ExceptionContext]:
    """React to each final failure, with retries exhausted.

    Types are classes or names, bare or dotted; a base class matches what derives from it; None is any.
    """
    return Condition(Question("on_exception", task, {"types": exception_types, "arguments": call_arguments}))


def on_cron(cron_expression: str, timezone: str = "UTC", catchup: Catchup = "latest") -> Condition[CronContext]:
    """React to each slot of a schedule, once.

    5 fields, or 6 with seconds first; names and `@daily` and its like. `catchup` says which slots that were
    missed while nothing ran still count after a restart: "none", the "latest", or "all".
    """
    return Condition(Question("on_cron", cron_expression, {"timezone": timezone, "catchup": catchup}))


def on_poll(function: PollFunction, every: Duration = "5s", allow_concurrent: bool = False) -> Condition[PollContext]:
    """React to each `Fire(payload)` that a function answers; it is asked every so often, by one process of all.

    `every` is "100ms", "5s", "1m", "1h" or a timedelta. A payload equal to one whose reaction is unfinished is
    suppressed, unless `allow_concurrent`. An answer that is late, wrong or an exception is a fact, and polling
    goes on.
    """
    return Condition(Question("on_poll", function, {"every": every, "allow_concurrent": allow_concurrent}))
