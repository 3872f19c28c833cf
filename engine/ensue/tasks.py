"""Tasks: functions that the engine runs, declared on a `Tasks` router together with what they react to.

```python
tasks = Tasks("news")

@tasks.task(triggers=on_event("feed_updated").with_args_from_event("source", "count"))
async def ingest(source: str, count: int) -> int: ...
```
`ingest(...)` calls the plain function; `await ingest.submit(...)` asks the open engine to run it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, final, overload

import msgspec

from ensue.bound import Bindings
from ensue.builder import TriggerBuilder
from ensue.connections import AsyncCaller
from ensue.contexts import Arguments
from ensue.declare import DeclaredTrigger, declare
from ensue.functions import where_defined
from ensue.handles import Handle
from ensue.options import TaskOptions, check_function, check_resource, check_task_name, task_options
from ensue.resources import Resource
from ensue.rules import Watched
from ensue.signatures import Shape
from ensue.triggers import Composite, Condition, Trigger
from ensue_core.durations import Duration
from ensue_core.errors import DeclarationError, DuplicateTask

__all__ = [
    "AsyncTask",
    "SubmitOptions",
    "SyncTask",
    "Task",
    "TaskDecorator",
    "TaskRef",
    "TaskWithOptions",
    "Tasks",
    "TriggerLike",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

TriggerLike = Condition[Any] | Composite | Trigger | TriggerBuilder
"""What `triggers=` takes, alone or in a sequence."""


class SubmitOptions(msgspec.Struct, frozen=True):
    """How one invocation is asked for.

    An equal idempotency key gives the invocation that is there. `correlation_id` and `causation_id` say what it
    belongs to and what brought it about, where that lies outside; inside a task both are known already.
    `connection` has the transaction that the submit is part of.
    """

    idempotency_key: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    connection: Any = None


class Task(Watched, Generic[P, R]):
    """A function with a name, which the engine can run; made by `@tasks.task`."""

    def __init__(
        self,
        name: str,
        function: Callable[P, Any],
        settings: TaskOptions,
        bindings: Bindings,
        local_names: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.function = function
        """The plain function."""
        self.settings = settings
        """What the decorator was given: retries, timeout, and so on."""
        self.shape = Shape(function, name)
        """The names of its parameters."""
        self.local_names = local_names
        """Names around a nested function, which its annotations may use."""
        self.place = where_defined(function)
        """Where it stands, for errors."""
        self._bindings = bindings
        self._triggers: list[DeclaredTrigger] = []
        functools.update_wrapper(cast(Any, self), function, updated=())

    async def submit(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Create an invocation, durable on return, and return its handle.

        Raises `ArgumentsMismatch` where the arguments do not fit, `NotRunning` where no engine is open.
        """
        return await self._bindings.one(f"{self.name}.submit(...)").submit_task(self, args, kwargs, _PLAIN)

    def options(
        self,
        *,
        idempotency_key: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        connection: AsyncCaller | None = None,
    ) -> TaskWithOptions[P, R]:
        """Return the task with options for one submit: `await task.options(...).submit(...)`.

        With `connection` the invocation is part of the transaction that is open there: see `Engine.emit`.
        """
        return TaskWithOptions(self, SubmitOptions(idempotency_key, correlation_id, causation_id, connection))

    def args(self, *args: P.args, **kwargs: P.kwargs) -> Arguments:
        """Return arguments for this task, checked against its signature: what a provider returns.

        Raises `ArgumentsMismatch`.
        """
        return self.shape.args(args, kwargs)

    @property
    def triggers(self) -> tuple[DeclaredTrigger, ...]:
        """What it reacts to."""
        return tuple(self._triggers)

    def add_triggers(self, triggers: TriggerLike | Sequence[TriggerLike]) -> None:
        """Add triggers after those it has; adds none where one of them is wrong."""
        given: Sequence[Any] = triggers if isinstance(triggers, (list, tuple)) else (triggers,)
        found: list[DeclaredTrigger] = []
        ids = {each.spec.id for each in self._triggers}
        for place, each in enumerate(given, start=len(self._triggers)):
            if not isinstance(each, (Condition, Composite, Trigger, TriggerBuilder)):
                raise DeclarationError(
                    f"task {self.name!r}: trigger {place} is {each!r}: use on_event(...), on_status(...), "
                    "TriggerBuilder()..., or a list of them"
                )
            trigger = declare(self.name, place, each.rule)
            if trigger.spec.id in ids:
                raise DeclarationError(f"task {self.name!r} has two triggers {trigger.spec.id!r}: rename one")
            ids.add(trigger.spec.id)
            found.append(trigger)
        self._triggers += found

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


_PLAIN = SubmitOptions()


def _names_around() -> Mapping[str, Any]:
    """Return the local names where a decorator stands: nested functions may use them in annotations."""
    frame = inspect.currentframe()
    for _ in range(2):
        frame = frame.f_back if frame is not None else None
    return frame.f_locals if frame is not None else {}


@final
class AsyncTask(Task[P, R]):
    """A task from an `async def`."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Call the plain function."""
        return cast("Coroutine[Any, Any, R]", self.function(*args, **kwargs))


@final
class SyncTask(Task[P, R]):
    """A task from a plain `def`; the engine runs it in a thread."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the plain function."""
        return cast(R, self.function(*args, **kwargs))


@final
class TaskWithOptions(Generic[P, R]):
    """A task and how to ask for it once."""

    __slots__ = ("_options", "_task")

    def __init__(self, task: Task[P, R], options: SubmitOptions) -> None:
        self._task = task
        self._options = options

    @property
    def name(self) -> str:
        """The task's name."""
        return self._task.name

    @property
    def submit_options(self) -> SubmitOptions:
        """How it is asked for."""
        return self._options

    async def submit(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Create an invocation with these options; see `Task.submit`."""
        task = self._task
        engine = task._bindings.one(f"{task.name}.submit(...)")  # pyright: ignore[reportPrivateUsage]
        return await engine.submit_task(task, args, kwargs, self._options)


@final
class TaskRef(Watched, Generic[R]):
    """Another service's task, by name: `TaskRef("billing.charge", returns=Receipt)`."""

    __slots__ = ("name", "returns")

    @overload
    def __init__(self: TaskRef[Any], name: str) -> None: ...
    @overload
    def __init__(self, name: str, returns: type[R]) -> None: ...
    def __init__(self, name: str, returns: Any = Any) -> None:
        self.name = check_task_name(name, f"TaskRef({name!r})")
        self.returns = returns
        """The type of its results."""

    def __repr__(self) -> str:
        return f"TaskRef({self.name!r})"


class TaskDecorator(Protocol):
    """What `tasks.task(...)` with options returns."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...


class Tasks:
    """A router: tasks and resources that belong together, under one prefix. An engine is one, too."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = check_task_name(prefix, f"Tasks({prefix!r})") if prefix else ""
        self._tasks: dict[str, Task[..., Any]] = {}
        self._resources: dict[str, Resource[Any]] = {}
        self._bindings = Bindings()

    @property
    def declared_tasks(self) -> Mapping[str, Task[..., Any]]:
        """Its tasks by name, in the order they were declared."""
        return self._tasks

    @property
    def declared_resources(self) -> Mapping[str, Resource[Any]]:
        """Its resources by name, in the order they were declared, which is the order to open them in."""
        return self._resources

    @property
    def bindings(self) -> Bindings:
        """The engines that are open on it."""
        return self._bindings

    @overload
    def task(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def task(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...
    @overload
    def task(
        self,
        *,
        triggers: TriggerLike | Sequence[TriggerLike] = (),
        name: str | None = None,
        max_retries: int = 0,
        retry_for: type[BaseException] | Sequence[type[BaseException]] | None = None,
        retry_first: Duration | None = None,
        retry_longest: Duration | None = None,
        timeout: Duration | None = None,
        raises: type[BaseException] | Sequence[type[BaseException]] = (),
    ) -> TaskDecorator: ...
    def task(
        self,
        function: Any = None,
        *,
        triggers: TriggerLike | Sequence[TriggerLike] = (),
        name: str | None = None,
        **settings: Any,
    ) -> Any:
        """Declare a task; its name is the prefix and the function's name, or `name`, never the module.

        `triggers` is what it reacts to, one or several. It is retried up to `max_retries` times for
        `retry_for` (any Exception), after `retry_first` (1 s), doubling up to `retry_longest` (10 min), with
        full jitter. `timeout` bounds an attempt. `raises` lists exceptions that `handle.result()` raises as
        themselves. Raises a `DeclarationError` that names the task.
        """
        if function is not None:
            return self._declare(function, triggers, name, settings, _names_around())

        def decorate(function: Any, /) -> Any:
            return self._declare(function, triggers, name, settings, _names_around())

        return decorate

    def _declare(
        self,
        function: Any,
        triggers: Any,
        name: str | None,
        settings: dict[str, Any],
        local_names: Mapping[str, Any],
    ) -> Task[..., Any]:
        own = name if name is not None else getattr(function, "__name__", repr(function))
        full = f"{self._prefix}.{own}" if self._prefix else str(own)
        is_async = check_function(function, full)
        check_task_name(full, f"task {full!r}")
        if full in self._tasks:
            raise DuplicateTask(full, self._tasks[full].place, where_defined(function))
        kind: Any = AsyncTask if is_async else SyncTask
        around = dict(local_names) if "<locals>" in function.__qualname__ else {}
        task: Task[..., Any] = kind(full, function, task_options(full, settings), self._bindings, around)
        task.add_triggers(triggers)
        self._tasks[full] = task
        return task

    def trigger(self, task: Task[..., Any], triggers: TriggerLike | Sequence[TriggerLike]) -> None:
        """Add triggers to a task that is already declared, after those it has."""
        given: Any = task
        if not isinstance(given, Task):
            raise DeclarationError(f"Tasks.trigger({given!r}, ...) needs a task: decorate it with @tasks.task first")
        task.add_triggers(triggers)

    def resource(self, function: Callable[[], AsyncIterator[T]]) -> Resource[T]:
        """Declare what tasks share in one process: an async generator that yields it once."""
        own = getattr(function, "__name__", repr(function))
        name = f"{self._prefix}.{own}" if self._prefix else str(own)
        check_resource(function, name)
        if name in self._resources:
            raise DeclarationError(f"two resources are named {name!r}: rename one")
        resource = Resource(name, function, self._bindings)
        self._resources[name] = resource
        return resource
