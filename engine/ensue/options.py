"""A task's settings, and the checks of what its decorator is given."""

from __future__ import annotations

import inspect
import re
from types import FunctionType
from typing import Any

import msgspec

from ensue.rules import several
from ensue_core.defaults import DEFAULTS
from ensue_core.durations import micros
from ensue_core.errors import BadDuration, DeclarationError

__all__ = ["TaskOptions", "check_function", "check_resource", "check_task_name", "task_options"]

ExceptionTypes = tuple[type[BaseException], ...]


class TaskOptions(msgspec.Struct, frozen=True):
    """How a task's invocations run. Durations are seconds; `queue` is kept for later, all use "default"."""

    max_retries: int = 0
    retry_for: ExceptionTypes = (Exception,)
    retry_first_seconds: float = DEFAULTS.retry_first_seconds
    retry_longest_seconds: float = DEFAULTS.retry_longest_seconds
    timeout_seconds: float | None = None
    raises: ExceptionTypes = ()
    queue: str = "default"


_NAMES = ("max_retries", "retry_for", "retry_first", "retry_longest", "timeout", "raises")


def task_options(task: str, given: dict[str, Any]) -> TaskOptions:
    """Return what a decorator was given as settings; raises a `DeclarationError` that names the task."""
    unknown = [name for name in given if name not in _NAMES]
    if unknown:
        raise DeclarationError(f"task {task!r} has no option {unknown[0]!r}: use {', '.join(_NAMES)}")
    retries: Any = given.get("max_retries", 0)
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise DeclarationError(f"task {task!r} has max_retries={retries!r}: write how many times, 0 or more")
    first = _seconds(task, "retry_first", given.get("retry_first"), DEFAULTS.retry_first_seconds)
    longest = _seconds(task, "retry_longest", given.get("retry_longest"), DEFAULTS.retry_longest_seconds)
    timeout = given.get("timeout")
    retry_for = given.get("retry_for")
    return TaskOptions(
        max_retries=retries,
        retry_for=(Exception,) if retry_for is None else _types(task, "retry_for", retry_for),
        retry_first_seconds=first,
        retry_longest_seconds=max(first, longest),
        timeout_seconds=None if timeout is None else _seconds(task, "timeout", timeout, 0.0),
        raises=_types(task, "raises", given.get("raises", ())),
    )


def _seconds(task: str, name: str, given: Any, default: float) -> float:
    try:
        return default if given is None else micros(given) / 1_000_000
    except (BadDuration, AttributeError):
        raise BadDuration(given, f"task {task!r}, {name}=") from None


def _types(task: str, name: str, given: Any) -> ExceptionTypes:
    types = several(given)
    for each in types:
        if not isinstance(each, type) or not issubclass(each, BaseException):
            raise DeclarationError(f"task {task!r} has {each!r} in {name}=: list exception classes")
    return tuple(types)


_TASK_NAME = re.compile(r"\w[\w-]*(\.\w[\w-]*)*")


def check_task_name(name: object, where: str) -> str:
    """Return a task's name or prefix; raises `DeclarationError` where it is none."""
    if not isinstance(name, str) or not _TASK_NAME.fullmatch(name) or len(name) > 255:
        raise DeclarationError(
            f"{where}: {name!r} is not a name: write words of letters, digits, _ or - with dots between them"
        )
    return name


def check_function(function: Any, task: str) -> bool:
    """Return whether a task's function is async; raises `DeclarationError` for what cannot be a task."""
    if not isinstance(function, FunctionType):
        raise DeclarationError(f"task {task!r} is {function!r}: decorate a function")
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise DeclarationError(f"task {task!r} is a generator: return one value, and emit events for several")
    return inspect.iscoroutinefunction(function)


def check_resource(function: Any, name: str) -> None:
    """Raise `DeclarationError` for a resource that is not an async generator without parameters."""
    if not inspect.isasyncgenfunction(function) or inspect.signature(function).parameters:
        raise DeclarationError(
            f"resource {name!r} must be an async generator function without parameters: write `async def "
            f"{name.rpartition('.')[2]}() -> AsyncIterator[...]` that yields once"
        )
