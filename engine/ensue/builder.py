"""The seeds' spelling of a trigger: `TriggerBuilder().on_event(...).on_status(...).with_logic("and")`.

It says what `&`, `|` and the typed conditions say, loosely typed and in one chain. Immutable: every method
returns a new builder, so half a chain can be kept and continued twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

from ensue.conditions import (
    ArgumentsFilter,
    on_any_result,
    on_cron,
    on_event,
    on_exception,
    on_poll,
    on_result,
    on_status,
    on_success,
)
from ensue.contexts import (
    CronContext,
    EventContext,
    ExceptionContext,
    PollContext,
    ResultContext,
    RunContext,
    StatusContext,
)
from ensue.events import Event
from ensue.polls import PollFunction
from ensue.rules import Built, Node, Question, Rule
from ensue.triggers import Condition, Kwargs, Start
from ensue_core.declarations import Catchup, Key
from ensue_core.durations import Duration
from ensue_core.errors import DeclarationError
from ensue_core.statuses import Status

if TYPE_CHECKING:
    from ensue.tasks import Task, TaskRef

__all__ = ["TriggerBuilder"]


@final
class TriggerBuilder:
    """Builds one trigger of conditions that must all hold (`with_logic("and")`, the default) or any."""

    __slots__ = ("_rule",)

    def __init__(self) -> None:
        self._rule = Rule(Built(()))

    @property
    def rule(self) -> Rule:
        """What was written so far."""
        return self._rule

    @property
    def _built(self) -> Built:
        node = self._rule.node
        assert isinstance(node, Built)
        return node

    def _with(self, rule: Rule) -> TriggerBuilder:
        builder = TriggerBuilder()
        builder._rule = rule
        return builder

    def _adding(self, condition: Condition[Any]) -> TriggerBuilder:
        parts: tuple[Node, ...] = (*self._built.parts, condition.rule.node)
        return self._with(replace(self._rule, node=replace(self._built, parts=parts)))

    # What it waits for.

    def on_event(self, event: Event[Any] | str, payload_filter: Any = None) -> TriggerBuilder:
        """Wait for an event; see `ensue.on_event`."""
        return self._adding(on_event(event, payload_filter))  # pyright: ignore[reportArgumentType]

    def on_status(
        self,
        task: Task[..., Any] | TaskRef[Any] | str,
        statuses: Status | str | Sequence[Status | str] = "SUCCESS",
        call_arguments: ArgumentsFilter = None,
    ) -> TriggerBuilder:
        """Wait for a change of status; see `ensue.on_status`."""
        loose: Any = statuses
        return self._adding(on_status(task, loose, call_arguments))

    def on_success(
        self, task: Task[..., Any] | TaskRef[Any] | str, call_arguments: ArgumentsFilter = None
    ) -> TriggerBuilder:
        """Wait for a success; see `ensue.on_success`."""
        loose: Any = task
        return self._adding(on_success(loose, call_arguments))

    def on_any_result(
        self, task: Task[..., Any] | TaskRef[Any] | str, call_arguments: ArgumentsFilter = None
    ) -> TriggerBuilder:
        """Wait for an end, success or failure; see `ensue.on_any_result`."""
        loose: Any = task
        return self._adding(on_any_result(loose, call_arguments))

    def on_result(
        self,
        task: Task[..., Any] | TaskRef[Any] | str,
        filter_result: Any,
        call_arguments: ArgumentsFilter = None,
    ) -> TriggerBuilder:
        """Wait for a result that passes; see `ensue.on_result`."""
        loose: Any = task
        return self._adding(on_result(loose, filter_result, call_arguments))

    def on_exception(
        self,
        task: Task[..., Any] | TaskRef[Any] | str,
        exception_types: type[BaseException] | str | Sequence[type[BaseException] | str] | None = None,
        call_arguments: ArgumentsFilter = None,
    ) -> TriggerBuilder:
        """Wait for a final failure; see `ensue.on_exception`."""
        return self._adding(on_exception(task, exception_types, call_arguments))

    def on_cron(self, cron_expression: str, timezone: str = "UTC", catchup: Catchup = "latest") -> TriggerBuilder:
        """Wait for the slots of a schedule; see `ensue.on_cron`."""
        return self._adding(on_cron(cron_expression, timezone, catchup))

    def on_poll(self, function: PollFunction, every: Duration = "5s", allow_concurrent: bool = False) -> TriggerBuilder:
        """Wait for a poll that fires; see `ensue.on_poll`."""
        return self._adding(on_poll(function, every, allow_concurrent))

    # How it combines.

    def with_logic(self, logic: str) -> TriggerBuilder:
        """Say whether all conditions must hold ("and") or any ("or")."""
        return self._with(replace(self._rule, node=replace(self._built, logic=logic)))

    def by(self, path: str | None) -> TriggerBuilder:
        """Give the condition just added its key in the join: a path, or None for any with any."""
        *before, last = self._built.parts or (Built(()),)
        if not isinstance(last, Question):
            raise DeclarationError(f".by({path!r}) follows no condition: write .on_event(...).by({path!r})")
        key = Key("any") if path is None else Key("path", path)
        parts = (*before, replace(last, key=key))
        return self._with(replace(self._rule, node=replace(self._built, parts=parts)))

    def within(self, duration: Duration) -> TriggerBuilder:
        """Bound how far apart in log time the matches of the join may be."""
        return self._with(replace(self._rule, node=replace(self._built, within=duration)))

    def named(self, name: str) -> TriggerBuilder:
        """Give the trigger a name, which is its identity however the list around it changes."""
        return self._with(replace(self._rule, name=name))

    def starting(self, start: Start) -> TriggerBuilder:
        """Say from when the trigger counts."""
        return self._with(replace(self._rule, start=start))

    # What the reaction gets.

    def with_args_static(self, arguments: Mapping[str, object]) -> TriggerBuilder:
        """React with fixed arguments."""
        return self._with(self._rule.with_given("static", arguments))

    def with_arguments(self, arguments: Mapping[str, object]) -> TriggerBuilder:
        """React with fixed arguments: the seeds' older name of `with_args_static`."""
        return self.with_args_static(arguments)

    def with_args_from_event(self, *function_or_fields: str | Callable[[EventContext[Any]], Kwargs]) -> TriggerBuilder:
        """React with arguments from the first event that takes part."""
        return self._with(self._rule.with_given("event", *function_or_fields))

    def with_args_from_status(self, *function_or_fields: str | Callable[[StatusContext], Kwargs]) -> TriggerBuilder:
        """React with arguments from the first status, result or exception that takes part."""
        return self._with(self._rule.with_given("status", *function_or_fields))

    def with_args_from_result(
        self, *function_or_fields: str | Callable[[ResultContext[Any]], Kwargs]
    ) -> TriggerBuilder:
        """React with arguments from the first result that takes part."""
        return self._with(self._rule.with_given("result", *function_or_fields))

    def with_args_from_exception(
        self, *function_or_fields: str | Callable[[ExceptionContext], Kwargs]
    ) -> TriggerBuilder:
        """React with arguments from the first exception that takes part."""
        return self._with(self._rule.with_given("exception", *function_or_fields))

    def with_args_from_cron(self, *function_or_fields: str | Callable[[CronContext], Kwargs]) -> TriggerBuilder:
        """React with arguments from the first slot that takes part."""
        return self._with(self._rule.with_given("cron", *function_or_fields))

    def with_args_from_poll(self, *function_or_fields: str | Callable[[PollContext], Kwargs]) -> TriggerBuilder:
        """React with arguments from the first answer of a poll that takes part."""
        return self._with(self._rule.with_given("poll", *function_or_fields))

    def with_args_from_run(self, function: Callable[[RunContext], Kwargs], /) -> TriggerBuilder:
        """React with arguments from a function of all that takes part."""
        return self._with(self._rule.with_given("run", function))

    def with_args_from_trigger_context(self, function: Callable[[RunContext], Kwargs], /) -> TriggerBuilder:
        """React with arguments from a function of all that takes part: `with_args_from_run` in the seeds."""
        return self.with_args_from_run(function)
