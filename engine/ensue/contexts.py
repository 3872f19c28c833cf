"""What providers receive: frozen contexts that say what happened.

Payloads, arguments and results are typed by what was declared; what was declared without a type stays JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Generic, TypeGuard, TypeVar

import msgspec

from ensue_core.declarations import ContextKind
from ensue_core.facts import Origin
from ensue_core.statuses import Status
from ensue_core.values import fields_of

__all__ = [
    "Arguments",
    "Context",
    "CronContext",
    "EndContext",
    "EventContext",
    "ExceptionContext",
    "PollContext",
    "ResultContext",
    "RunContext",
    "StatusContext",
    "pick",
]

T_co = TypeVar("T_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Arguments(Mapping[str, Any]):
    """The arguments of one call, by parameter name; an immutable mapping."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        self._values: dict[str, Any] = {**(values or {}), **more}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Arguments({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"

    @property
    def kwargs(self) -> dict[str, Any]:
        """A copy of the arguments as a dict."""
        return dict(self._values)


class EventContext(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True):
    """An event happened. `emitter` is the id of the invocation that emitted it, if one did.

    `origin` says where it was taken from, if it came from a topic: the place, the key, a CloudEvent's attributes.
    """

    payload: T_co
    event_id: str
    event_code: str
    timestamp: datetime
    emitter: str | None = None
    origin: Origin | None = None


class StatusContext(msgspec.Struct, frozen=True, kw_only=True):
    """An invocation of `task` changed its status in its attempt number `attempt`; `arguments` are its own."""

    invocation_id: str
    task: str
    arguments: Arguments
    status: Status
    attempt: int
    timestamp: datetime


class ResultContext(StatusContext, Generic[R_co], frozen=True, kw_only=True):
    """An invocation succeeded, and this is what it returned."""

    result: R_co


class ExceptionContext(StatusContext, frozen=True, kw_only=True):
    """An invocation failed for good.

    `exception_type` is the class name alone (`"EnrichmentError"`), `exception_qualified_type` has its module,
    `exception_bases` are the dotted names of its base classes.
    """

    exception_type: str
    exception_message: str
    exception_qualified_type: str = ""
    exception_bases: tuple[str, ...] = ()
    traceback: str = ""


class EndContext(StatusContext, Generic[R_co], frozen=True, kw_only=True):
    """An invocation ended, either way: it stands for ResultContext or ExceptionContext in types.

    Providers never receive one: `with_args_from_result` gets a ResultContext, `with_args_from_exception` an
    ExceptionContext, `with_args_from_status` one of the two.
    """


class CronContext(msgspec.Struct, frozen=True, kw_only=True):
    """A slot of a schedule came due. `timestamp` is the slot itself, aware and UTC, however late it runs."""

    timestamp: datetime
    last_execution: datetime | None = None


class PollContext(msgspec.Struct, frozen=True, kw_only=True):
    """A poll fired: `payload` is what it gave to `Fire(...)`, as JSON; `timestamp` is when it was recorded."""

    payload: Any
    poll_id: str
    timestamp: datetime


Context = EventContext[Any] | StatusContext | CronContext | PollContext


class RunContext(msgspec.Struct, frozen=True):
    """A trigger run: every participant, in the order of the conditions they satisfied."""

    participants: tuple[Context, ...]

    @property
    def event(self) -> EventContext[Any] | None:
        """The first event, if one takes part."""
        return next((each for each in self.participants if isinstance(each, EventContext)), None)

    @property
    def status(self) -> StatusContext | None:
        """The first status change, result or exception, if one takes part."""
        return next((each for each in self.participants if isinstance(each, StatusContext)), None)

    @property
    def result(self) -> ResultContext[Any] | None:
        """The first result, if one takes part."""
        return next((each for each in self.participants if _is_result(each)), None)

    @property
    def exception(self) -> ExceptionContext | None:
        """The first exception, if one takes part."""
        return next((each for each in self.participants if isinstance(each, ExceptionContext)), None)

    @property
    def cron(self) -> CronContext | None:
        """The first slot of a schedule, if one takes part."""
        return next((each for each in self.participants if isinstance(each, CronContext)), None)

    @property
    def poll(self) -> PollContext | None:
        """The first answer of a poll, if one takes part."""
        return next((each for each in self.participants if isinstance(each, PollContext)), None)

    def of(self, task: object) -> StatusContext | None:
        """The first status change, result or exception of a task (or its name), if one takes part."""
        name = task if isinstance(task, str) else getattr(task, "name", None)
        found = (each for each in self.participants if isinstance(each, StatusContext) and each.task == name)
        return next(found, None)

    def events(self, code: str | None = None) -> tuple[EventContext[Any], ...]:
        """Every event that takes part, or those with one code."""
        found = (each for each in self.participants if isinstance(each, EventContext))
        return tuple(each for each in found if code is None or each.event_code == code)


def _is_result(context: object) -> TypeGuard[ResultContext[Any]]:
    return isinstance(context, ResultContext)


def pick(kind: ContextKind, context: Context, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the named fields of a context: what `with_args_from_event("source", "count")` gives.

    `kind` is the provider's: events give fields of the payload, statuses arguments, results fields of the
    result, exceptions arguments and `exception_type` and `exception_message`, schedules `timestamp` and
    `last_execution`. Raises `LookupError` where a name is missing.
    """
    source, what = _fields(kind, context)
    if source is None:
        raise LookupError(f"the {what} has no named fields: use a function instead of field names")
    missing = [name for name in names if name not in source]
    if missing:
        raise LookupError(f"the {what} has no {', '.join(map(repr, missing))}")
    return {name: source[name] for name in names}


def _fields(kind: ContextKind, context: Context) -> tuple[Mapping[str, Any] | None, str]:
    match context:
        case EventContext():
            return fields_of(context.payload), f"payload of {context.event_code}"
        case PollContext():
            return fields_of(context.payload), "payload of a poll"
        case StatusContext() if kind == "result":
            return fields_of(getattr(context, "result", None)), f"result of {context.task}"
        case ExceptionContext() if kind == "exception":
            own = {"exception_type": context.exception_type, "exception_message": context.exception_message}
            return {**context.arguments, **own}, f"failed call of {context.task}"
        case StatusContext():
            return context.arguments, f"call of {context.task}"
        case CronContext():
            return {"timestamp": context.timestamp, "last_execution": context.last_execution}, "schedule"
