"""Temporary contents page of the declaration side; the runtime's replaces it."""

from collections.abc import Sequence
from typing import Any, TypeVar, overload

from ensue.builder import TriggerBuilder
from ensue.conditions import (
    ArgumentsFilter,
    StatusName,
    on_any_result,
    on_cron,
    on_event,
    on_exception,
    on_result,
    on_status,
    on_success,
)
from ensue.contexts import (
    Arguments,
    CronContext,
    EndContext,
    EventContext,
    ExceptionContext,
    ResultContext,
    RunContext,
    StatusContext,
)
from ensue.events import Event
from ensue.filters import Comparison, contains, eq, exists, ge, gt, le, lt, ne, one_of, prefix
from ensue.handles import Handle
from ensue.program import Program, TaskDefinition, assemble
from ensue.resources import Resource
from ensue.tasks import AsyncTask, SyncTask, Task, TaskDecorator, TaskRef, Tasks, TriggerLike
from ensue.triggers import Composite, Condition, Kwargs, Start, Trigger
from ensue_core.errors import *  # noqa: F403
from ensue_core.statuses import Status

T = TypeVar("T")


class Engine(Tasks):
    """A stand-in."""

    def __init__(
        self, url: str | None = None, *, tasks: Sequence[Tasks | str] = (), app_id: str | None = None
    ) -> None:
        super().__init__()

    @overload
    async def emit(self, event: Event[T], payload: T, *, idempotency_key: str | None = None) -> str: ...
    @overload
    async def emit(self, event: str, payload: Kwargs, *, idempotency_key: str | None = None) -> str: ...
    async def emit(self, event: Any, payload: Any, *, idempotency_key: str | None = None) -> str:
        """A stand-in."""
        raise NotImplementedError


class Current:
    """A stand-in."""

    @overload
    def emit(self, event: Event[T], payload: T) -> str: ...
    @overload
    def emit(self, event: str, payload: Kwargs) -> str: ...
    def emit(self, event: Any, payload: Any) -> str:
        """A stand-in."""
        raise NotImplementedError


def current() -> Current:
    """A stand-in."""
    raise NotImplementedError


__all__ = [
    "Arguments",
    "ArgumentsFilter",
    "AsyncTask",
    "Comparison",
    "Composite",
    "Condition",
    "CronContext",
    "Current",
    "EndContext",
    "Engine",
    "Event",
    "EventContext",
    "ExceptionContext",
    "Handle",
    "Kwargs",
    "Program",
    "Resource",
    "ResultContext",
    "RunContext",
    "Start",
    "Status",
    "StatusContext",
    "StatusName",
    "SyncTask",
    "Task",
    "TaskDecorator",
    "TaskDefinition",
    "TaskRef",
    "Tasks",
    "Trigger",
    "TriggerBuilder",
    "TriggerLike",
    "assemble",
    "contains",
    "current",
    "eq",
    "exists",
    "ge",
    "gt",
    "le",
    "lt",
    "ne",
    "on_any_result",
    "on_cron",
    "on_event",
    "on_exception",
    "on_result",
    "on_status",
    "on_success",
    "one_of",
    "prefix",
]
