"""The values that declarations are made of: `Condition`, `Composite` and `Trigger`.

`on_*()` give conditions; `&` and `|` give composites; `with_args_*`, `.named` and `.starting` give triggers,
which are whole and combine no further. All are immutable: every method returns a new value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeVar, final, overload

from ensue.contexts import (
    CronContext,
    EndContext,
    EventContext,
    ExceptionContext,
    PollContext,
    ResultContext,
    RunContext,
    StatusContext,
)
from ensue.rules import Alternatives, Node, Question, Rule, Together, join
from ensue_core.declarations import Key
from ensue_core.durations import Duration
from ensue_core.errors import DeclarationError

__all__ = ["Composite", "Condition", "Kwargs", "Start", "Trigger"]

T = TypeVar("T")
R = TypeVar("R")
C_co = TypeVar("C_co", covariant=True)

Kwargs = Mapping[str, object]
"""What a provider returns: arguments by parameter name, `task.args(...)` for instance."""

Start = Literal["now", "beginning"] | int | datetime
"""From when a trigger counts: from now, from the log's beginning, past a position, or from a time."""


class _Providing:
    """The `with_args_*` of composites and triggers, whose participants are only known when they fire."""

    __slots__ = ("_rule",)

    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    @property
    def rule(self) -> Rule:
        """What was written so far."""
        return self._rule

    def with_args_static(self, arguments: Kwargs) -> Trigger:
        """React with fixed arguments."""
        return Trigger(self._rule.with_given("static", arguments))

    def with_args_from_event(self, *function_or_fields: str | Callable[[EventContext[Any]], Kwargs]) -> Trigger:
        """React with arguments from the first event that takes part: payload fields, or a function."""
        return Trigger(self._rule.with_given("event", *function_or_fields))

    def with_args_from_status(self, *function_or_fields: str | Callable[[StatusContext], Kwargs]) -> Trigger:
        """React with arguments from the first status, result or exception: its arguments, or a function."""
        return Trigger(self._rule.with_given("status", *function_or_fields))

    def with_args_from_result(self, *function_or_fields: str | Callable[[ResultContext[Any]], Kwargs]) -> Trigger:
        """React with arguments from the first result that takes part: its fields, or a function."""
        return Trigger(self._rule.with_given("result", *function_or_fields))

    def with_args_from_exception(self, *function_or_fields: str | Callable[[ExceptionContext], Kwargs]) -> Trigger:
        """React with arguments from the first exception: `exception_type`, ..., or a function."""
        return Trigger(self._rule.with_given("exception", *function_or_fields))

    def with_args_from_cron(self, *function_or_fields: str | Callable[[CronContext], Kwargs]) -> Trigger:
        """React with arguments from the first slot that takes part: `timestamp`, ..., or a function."""
        return Trigger(self._rule.with_given("cron", *function_or_fields))

    def with_args_from_poll(self, *function_or_fields: str | Callable[[PollContext], Kwargs]) -> Trigger:
        """React with arguments from the first answer of a poll: fields of its payload, or a function."""
        return Trigger(self._rule.with_given("poll", *function_or_fields))

    def with_args_from_run(self, function: Callable[[RunContext], Kwargs], /) -> Trigger:
        """React with arguments from a function of all that takes part."""
        return Trigger(self._rule.with_given("run", function))

    def named(self, name: str) -> Trigger:
        """Give the trigger a name, which is its identity however the list around it changes."""
        return Trigger(replace(self._rule, name=name))

    def starting(self, start: Start) -> Trigger:
        """Say from when the trigger counts."""
        return Trigger(replace(self._rule, start=start))

    def __bool__(self) -> NoReturn:
        raise DeclarationError("a condition has no truth value: join with & and |, not with `and` and `or`")


@final
class Trigger(_Providing):
    """A whole trigger: what it waits for and how it makes arguments. It has no `&` and no `|`."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __and__(self, other: object) -> NoReturn:
            _refuse_trigger("&")

        def __or__(self, other: object) -> NoReturn:
            _refuse_trigger("|")


@final
class Composite(_Providing):
    """Several conditions as one, made by `&` and `|`."""

    __slots__ = ()

    def __and__(self, other: Condition[Any] | Composite) -> Composite:
        return Composite(Rule(join(Together, self._rule.node, _node(other, "&"))))

    def __or__(self, other: Condition[Any] | Composite) -> Composite:
        return Composite(Rule(join(Alternatives, self._rule.node, _node(other, "|"))))

    def within(self, duration: Duration) -> Composite:
        """Bound how far apart in log time the matches of a join may be (`"15m"`); the default is a day."""
        node = self._rule.node
        return Composite(Rule(node if isinstance(node, Question) else replace(node, within=duration)))


@final
class Condition(Generic[C_co]):
    """A question about records; `C` is the context that its matches bring."""

    __slots__ = ("_question",)

    def __init__(self, question: Question) -> None:
        self._question = question

    @property
    def rule(self) -> Rule:
        """What was written so far."""
        return Rule(self._question)

    def __and__(self, other: Condition[Any] | Composite) -> Composite:
        return Composite(Rule(join(Together, self._question, _node(other, "&"))))

    def __or__(self, other: Condition[Any] | Composite) -> Composite:
        return Composite(Rule(join(Alternatives, self._question, _node(other, "|"))))

    def __bool__(self) -> NoReturn:
        raise DeclarationError("a condition has no truth value: join with & and |, not with `and` and `or`")

    def by(self, path: str | None) -> Condition[C_co]:
        """Pair matches of a join by the value at a path: of the payload, of the arguments, or of `result.`.

        None pairs any with any. A record without the path never joins.
        """
        key = Key("any") if path is None else Key("path", path)
        return Condition(replace(self._question, key=key))

    def named(self, name: str) -> Trigger:
        """Give the trigger a name, which is its identity however the list around it changes."""
        return Trigger(replace(self.rule, name=name))

    def starting(self, start: Start) -> Trigger:
        """Say from when the trigger counts."""
        return Trigger(replace(self.rule, start=start))

    def with_args_static(self, arguments: Kwargs) -> Trigger:
        """React with fixed arguments."""
        return Trigger(self.rule.with_given("static", arguments))

    @overload
    def with_args_from_event(
        self: Condition[EventContext[T]], function: Callable[[EventContext[T]], Kwargs], /
    ) -> Trigger: ...
    @overload
    def with_args_from_event(self: Condition[EventContext[Any]], *fields: str) -> Trigger: ...
    def with_args_from_event(self, *function_or_fields: Any) -> Trigger:
        """React with arguments from the event: fields of the payload, or a function."""
        return Trigger(self.rule.with_given("event", *function_or_fields))

    @overload
    def with_args_from_status(
        self: Condition[StatusContext], function: Callable[[StatusContext], Kwargs], /
    ) -> Trigger: ...
    @overload
    def with_args_from_status(self: Condition[StatusContext], *fields: str) -> Trigger: ...
    def with_args_from_status(self, *function_or_fields: Any) -> Trigger:
        """React with arguments from the invocation: its own arguments by name, or a function."""
        return Trigger(self.rule.with_given("status", *function_or_fields))

    @overload
    def with_args_from_result(
        self: Condition[ResultContext[R] | EndContext[R]], function: Callable[[ResultContext[R]], Kwargs], /
    ) -> Trigger: ...
    @overload
    def with_args_from_result(self: Condition[ResultContext[Any] | EndContext[Any]], *fields: str) -> Trigger: ...
    def with_args_from_result(self, *function_or_fields: Any) -> Trigger:
        """React with arguments from the result: its fields, or a function."""
        return Trigger(self.rule.with_given("result", *function_or_fields))

    @overload
    def with_args_from_exception(
        self: Condition[ExceptionContext | EndContext[Any]], function: Callable[[ExceptionContext], Kwargs], /
    ) -> Trigger: ...
    @overload
    def with_args_from_exception(self: Condition[ExceptionContext | EndContext[Any]], *fields: str) -> Trigger: ...
    def with_args_from_exception(self, *function_or_fields: Any) -> Trigger:
        """React with arguments from the failure: `exception_type`, ..., its arguments, or a function."""
        return Trigger(self.rule.with_given("exception", *function_or_fields))

    @overload
    def with_args_from_cron(self: Condition[CronContext], function: Callable[[CronContext], Kwargs], /) -> Trigger: ...
    @overload
    def with_args_from_cron(self: Condition[CronContext], *fields: str) -> Trigger: ...
    def with_args_from_cron(self, *function_or_fields: Any) -> Trigger:
        """React with arguments from the slot: `timestamp`, `last_execution`, or a function."""
        return Trigger(self.rule.with_given("cron", *function_or_fields))

    @overload
    def with_args_from_poll(self: Condition[PollContext], function: Callable[[PollContext], Kwargs], /) -> Trigger: ...
    @overload
    def with_args_from_poll(self: Condition[PollContext], *fields: str) -> Trigger: ...
    def with_args_from_poll(self, *function_or_fields: Any) -> Trigger:
        """React with arguments from the answer: fields of its payload, or a function."""
        return Trigger(self.rule.with_given("poll", *function_or_fields))

    def with_args_from_run(self, function: Callable[[RunContext], Kwargs], /) -> Trigger:
        """React with arguments from a function of all that takes part."""
        return Trigger(self.rule.with_given("run", function))


def _node(other: object, sign: str) -> Node:
    """Return the tree of the right side of `&` or `|`."""
    if isinstance(other, (Condition, Composite)):
        return other.rule.node
    if isinstance(other, Trigger):
        _refuse_trigger(sign)
    raise DeclarationError(
        f"{sign} combines conditions, and {other!r} is none: use on_event, on_status, ... on both sides"
    )


def _refuse_trigger(sign: str) -> NoReturn:
    raise DeclarationError(
        f"{sign} combines conditions, and one side already has arguments, a name or a start: combine first, "
        f"then write (a {sign} b).with_args_...(...)"
    )
