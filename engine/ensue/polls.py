"""What a poll answers: `Fire(payload)`, `Skip` or a plain bool; and the checks of what `on_poll` is given."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Awaitable, Callable
from typing import Any, final

import msgspec

from ensue.functions import named_function
from ensue_core.declarations import FunctionRef
from ensue_core.durations import micros
from ensue_core.errors import BadDuration, DeclarationError

__all__ = ["Fire", "PollAnswer", "PollFunction", "Skip", "poll_every", "poll_ref"]

EVERY_MIN = 10_000
"""The shortest pause between two polls of one function, in microseconds."""


@final
class Fire(msgspec.Struct, frozen=True):
    """The condition holds; `payload` is what the reaction gets, anything that JSON can hold."""

    payload: Any = {}


@final
class Skip(msgspec.Struct, frozen=True):
    """The condition does not hold; ask again later. The class itself says the same."""


PollAnswer = Fire | Skip | type[Skip] | bool
"""What a poll returns; True is `Fire()`, False is `Skip()`."""

PollFunction = Callable[[], PollAnswer | Awaitable[PollAnswer]]
"""A module-level function without parameters, async or not."""


def fired(answer: object) -> Fire | None:
    """Return what an answer fires with, None where it skips; raises `TypeError` for what is no answer."""
    if isinstance(answer, bool):
        return Fire() if answer else None
    if isinstance(answer, Fire):
        return answer
    if isinstance(answer, Skip) or answer is Skip:
        return None
    raise TypeError(f"returned {type(answer).__name__}, not Fire(payload), Skip or a bool")


def poll_every(every: object, where: str) -> int:
    """Return how often a poll is asked, in microseconds; raises `BadDuration`."""
    try:
        length = micros(every)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    except (BadDuration, AttributeError):
        raise BadDuration(every, f"{where}, on_poll(every=)") from None
    if length < EVERY_MIN:
        raise DeclarationError(f"{where}: on_poll(every={every!r}) is too often: 10ms is the least")
    return length


def poll_ref(function: object, where: str) -> tuple[FunctionRef, Callable[[], Any]]:
    """Return a poll's reference and the function.

    Raises `NotModuleLevel` for what other processes cannot look up, and `DeclarationError` for a generator, a
    function that needs arguments, or one whose annotation says that it returns no answer.
    """
    ref, found = named_function(function, "the function of on_poll", where)
    inner = inspect.unwrap(found)
    name = found.__name__
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise DeclarationError(f"{where}: on_poll({name}) is a generator: return Fire(payload), Skip or a bool")
    try:
        inspect.signature(found).bind()
    except TypeError:
        raise DeclarationError(
            f"{where}: on_poll({name}) is called without arguments and cannot be: remove its parameters, or give "
            "them defaults"
        ) from None
    said = _returns(found)
    if said is not None and not _answers(said):
        shown = getattr(said, "__name__", str(said))
        raise DeclarationError(
            f"{where}: on_poll({name}) is annotated to return {shown}: return Fire(payload), Skip or a bool"
        )
    return ref, found


def _returns(function: Callable[..., Any]) -> Any:
    """Return a function's return annotation; None where it has none that can be read."""
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # names that exist for type checkers only
        return None
    return hints.get("return")


def _answers(type_: Any) -> bool:
    """Whether some value of a type is an answer."""
    if type_ is Any or isinstance(type_, typing.TypeVar):
        return True
    origin = typing.get_origin(type_)
    if origin in (typing.Union, types.UnionType):
        return all(_answers(each) for each in typing.get_args(type_))
    if origin is typing.Literal:
        return all(isinstance(each, bool) for each in typing.get_args(type_))
    if origin is type:
        return typing.get_args(type_) == (Skip,)
    return type_ in (Fire, Skip, bool)
