"""A program: every task, trigger, resource and event type of some `Tasks`, checked against each other.

`assemble` is where errors appear that need the whole: two tasks of one name, a watched task that nobody
declares, arguments that cannot fit the task that reacts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from ensue.annotations import check_type, resolve
from ensue.declare import DeclaredTrigger
from ensue.fitting import check_fit
from ensue.options import TaskOptions
from ensue.resources import Resource
from ensue.rules import named
from ensue.signatures import Codec, Handles
from ensue.tasks import AsyncTask, Task, Tasks
from ensue_core.declarations import OnEvent
from ensue_core.defaults import DEFAULTS
from ensue_core.errors import ArgumentsMismatch, DeclarationError, DuplicateTask, ModuleNotLoaded, UnknownTask
from ensue_core.ids import digest
from ensue_core.values import Json, decode, decode_as, encode

__all__ = ["DeclaredTrigger", "Program", "TaskDefinition", "assemble"]


@final
@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A task as its engine runs it: the function, its settings, and the codec of its arguments and result."""

    name: str
    function: Callable[..., Any]
    is_async: bool
    options: TaskOptions
    result_type: Any
    handle_parameters: tuple[str, ...]
    place: str
    codec: Codec

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Json]:
        """Bind a call with defaults and return its arguments as JSON types; raises as `encode` does."""
        bound: dict[str, Json] = decode(self.encode(args, kwargs))
        return bound

    def encode(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """Bind a call with defaults and return its arguments as they are recorded.

        Raises `ArgumentsMismatch` where they do not fit the signature or its annotations, `BadValue` where
        one cannot be stored.
        """
        return self.codec.encode(args, kwargs)

    def check(self, arguments: Mapping[str, object]) -> bytes:
        """Return a provider's arguments as they are recorded; raises as `encode` does."""
        given = named(arguments)
        if given is None:
            kind = type(arguments).__name__
            raise ArgumentsMismatch(self.name, f"expected a mapping by parameter name, got {kind}")
        return self.codec.encode((), given)

    def with_defaults(self, plain: Mapping[str, Json]) -> dict[str, Json]:
        """Return recorded arguments with the defaults of what is missing: what filters compare."""
        return self.codec.with_defaults(plain)

    def decode(self, raw: bytes, handles: Handles) -> tuple[list[Any], dict[str, Any]]:
        """Return recorded arguments as typed call arguments, by place and by name.

        `handles(id, result_type)` makes what stands for `Handle[...]`. Raises `ArgumentsMismatch`.
        """
        return self.codec.decode(raw, handles)

    def encode_result(self, value: object) -> bytes:
        """Return a result as it is recorded; raises `BadValue`."""
        return encode(value, f"result of {self.name}", DEFAULTS.result_bytes_max)

    def decode_result(self, raw: bytes, handles: Handles | None = None) -> Any:
        """Return a recorded result as its annotation says; raises `BadValue` where it does not fit."""
        if self.result_type is Any:
            return decode(raw)
        hook = None if handles is None else self.codec.opening(handles)
        return decode_as(raw, self.result_type, f"result of {self.name}", hook)


@final
@dataclass(frozen=True, slots=True)
class Program:
    """What an engine runs. `events` are the payload types by code, of events that triggers declare."""

    tasks: Mapping[str, TaskDefinition]
    triggers: tuple[DeclaredTrigger, ...]
    resources: Mapping[str, Resource[Any]]
    events: Mapping[str, Any]
    sources: tuple[Tasks, ...]
    version: str
    """A digest of the triggers' versions and the tasks' names."""


def assemble(sources: Sequence[Tasks | str]) -> Program:
    """Put a program together from routers and from modules (`"pkg.tasks"`) that hold some.

    Raises `ModuleNotLoaded`, `DuplicateTask`, `UnknownTask`, `ArgumentsMismatch` or another
    `DeclarationError`, each naming the module or task.
    """
    routers = _routers(sources)
    declared = _unique_tasks(routers)
    tasks = {name: define(task) for name, task in declared.items()}
    found = [trigger for task in declared.values() for trigger in task.triggers]
    triggers = tuple(sorted(found, key=lambda trigger: trigger.spec.id))
    codecs = {name: task.codec for name, task in tasks.items()}
    events: dict[str, Any] = {}
    for trigger in triggers:
        _check_tasks(trigger, tasks)
        _collect_types(trigger, events)
        check_fit(trigger, codecs)
    versions = [trigger.spec.version for trigger in triggers]
    return Program(
        tasks=tasks,
        triggers=triggers,
        resources=_unique_resources(routers),
        events=events,
        sources=routers,
        version=digest("program", *sorted(tasks), "", *versions)[:16],
    )


def define(task: Task[..., Any]) -> TaskDefinition:
    """Read a task's annotations; raises `DeclarationError` for one that JSON cannot be decoded as."""
    hints = resolve(task.function, task.local_names, f"task {task.name!r}")
    codec = Codec(task.shape, hints)
    return TaskDefinition(
        name=task.name,
        function=task.function,
        is_async=isinstance(task, AsyncTask),
        options=task.settings,
        result_type=check_type(hints.get("return", Any), f"the result of task {task.name!r}"),
        handle_parameters=codec.handles,
        place=task.place,
        codec=codec,
    )


def _routers(sources: Sequence[Tasks | str]) -> tuple[Tasks, ...]:
    """Return the routers that sources stand for, each once, in order."""
    found: list[Tasks] = []
    for source in sources:
        for router in _imported(source) if isinstance(source, str) else [source]:
            if not any(router is each for each in found):
                found.append(router)
    return tuple(found)


def _imported(name: str) -> list[Tasks]:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ModuleNotLoaded(
            f"module {module_name!r} of Engine(tasks=[...]) does not import ({type(error).__name__}: "
            f"{error}): check its name, the directory you start in, and the module itself"
        ) from error
    values = [getattr(module, attribute, None)] if attribute else list(vars(module).values())
    routers = [each for each in values if isinstance(each, Tasks)]
    if not routers:
        raise ModuleNotLoaded(
            f"{name!r} of Engine(tasks=[...]) holds no Tasks: assign one at module level, as in tasks = Tasks('shop')"
        )
    return routers


def _unique_tasks(routers: Sequence[Tasks]) -> dict[str, Task[..., Any]]:
    found: dict[str, Task[..., Any]] = {}
    for router in routers:
        for name, task in router.declared_tasks.items():
            if name in found:
                raise DuplicateTask(name, found[name].place, task.place)
            found[name] = task
    return found


def _unique_resources(routers: Sequence[Tasks]) -> dict[str, Resource[Any]]:
    found: dict[str, Resource[Any]] = {}
    for router in routers:
        for name, resource in router.declared_resources.items():
            if name in found:
                raise DeclarationError(f"two resources are named {name!r}: rename one, or use another Tasks prefix")
            found[name] = resource
    return found


def _check_tasks(trigger: DeclaredTrigger, tasks: Mapping[str, TaskDefinition]) -> None:
    for name in sorted(trigger.plain_tasks):
        if name not in tasks:
            raise UnknownTask(name, f"watched by trigger {trigger.spec.id!r}", tuple(sorted(tasks)))


def _collect_types(trigger: DeclaredTrigger, events: dict[str, Any]) -> None:
    """Add the payload types that a trigger declares; one code has one type."""
    for name, type_ in trigger.payload_types.items():
        condition = trigger.spec.conditions[name]
        if type_ is Any or not isinstance(condition, OnEvent):
            continue
        code = condition.code
        check_type(type_, f"the payload of event {code!r} (trigger {trigger.spec.id!r})")
        if events.setdefault(code, type_) != type_:
            raise DeclarationError(
                f"event {code!r} is declared as {events[code]} and, in trigger {trigger.spec.id!r}, as "
                f"{type_}: declare it once with Event(...) and import that"
            )
