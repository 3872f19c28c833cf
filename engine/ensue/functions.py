"""User code by name: filters and providers must be named functions at module level.

A function is known to the log as `module:name`, so that every process, whether it was started as
`python app.py`, `python -m app` or `ensue run app:engine`, records one name and finds the same code.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cache
from pathlib import PurePath
from types import FunctionType
from typing import Any

from ensue_core.declarations import FunctionRef
from ensue_core.errors import DeclarationError, NotModuleLevel
from ensue_core.ids import digest

__all__ = ["function_ref", "module_name", "named_function", "qualified_name", "where_defined"]


def function_ref(function: object, what: str, where: str) -> tuple[FunctionRef, Callable[..., Any]]:
    """Return a filter's or provider's reference and the function itself.

    `what` and `where` name it in errors ("the payload filter", "task news.digest"). Raises `NotModuleLevel`
    for a lambda, nested function, partial, method, class or callable object, and `DeclarationError` for a
    function that is async, a generator, or does not take exactly one argument.
    """
    ref, found = named_function(function, what, where)
    name = found.__name__
    function = found
    inner = inspect.unwrap(function)
    if inspect.iscoroutinefunction(inner) or inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise DeclarationError(
            f"{what} of {where}, {name}, is async or a generator: make it a plain def that returns its "
            "answer (slow work belongs in a task)"
        )
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        raise DeclarationError(
            f"{what} of {where}, {name}, is called with one argument and cannot be: give it one parameter"
        ) from None
    return ref, found


def named_function(function: object, what: str, where: str) -> tuple[FunctionRef, Callable[..., Any]]:
    """Return a module-level function's reference and the function; raises `NotModuleLevel` for anything else."""
    if not isinstance(function, FunctionType) or not _is_module_level(function):
        raise NotModuleLevel(what, where)
    return FunctionRef(f"{module_name(function.__module__)}:{function.__qualname__}", _source(function)), function


def _is_module_level(function: FunctionType) -> bool:
    """Whether the module holds this very function under its own name, where other processes look it up."""
    name = function.__qualname__
    if "." in name or "<" in name:
        return False
    # A decorated function carries the globals of the decorator's module: ask the module it names.
    module = sys.modules.get(function.__module__)
    names = vars(module) if module is not None else function.__globals__
    return names.get(name) is function or function.__globals__.get(name) is function


@cache
def _source(function: Callable[..., Any]) -> str:
    """Return a digest of a function's source, empty where there is none (REPL)."""
    try:
        return digest("source", inspect.getsource(function))[:16]
    except (OSError, TypeError):
        return ""


def module_name(name: str) -> str:
    """Return the name under which other processes import a module: `__main__` becomes its real name."""
    if name != "__main__":
        return name
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and isinstance(spec.name, str):
        return spec.name
    file = getattr(main, "__file__", None)
    return PurePath(file).stem if isinstance(file, str) else name


def qualified_name(type_: type) -> str:
    """Return a class as it is recorded: `builtins.ValueError`, `shop.errors.OutOfStock`, never `__main__`.

    Our own errors are recorded as users import them: `ensue.BadValue`.
    """
    module = module_name(str(type_.__module__))
    return f"{'ensue' if module.startswith('ensue_core.') else module}.{type_.__qualname__}"


def where_defined(function: Callable[..., Any]) -> str:
    """Return where a function stands, for errors: `shop/tasks.py:12`."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    module = module_name(getattr(function, "__module__", "?"))
    return f"{PurePath(code.co_filename).name}:{code.co_firstlineno}" if code is not None else module
