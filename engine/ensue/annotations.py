"""Reading annotations: what a parameter, result or payload is decoded as.

They are checked when the program is put together, so that no attempt starts with a type nobody can decode.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Never, NoReturn, cast

import msgspec

from ensue.handles import Handle
from ensue.rules import several
from ensue_core.errors import DeclarationError

__all__ = ["check_type", "handle_result", "holds_handle", "resolve"]


def resolve(function: Callable[..., Any], local_names: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a function's annotations as types, by parameter name and `return`.

    `local_names` are names of the scope around a nested function. Raises `DeclarationError` for an annotation
    whose names are not there at run time.
    """
    try:
        return typing.get_type_hints(function, localns=dict(local_names) or None, include_extras=True)
    except Exception as error:
        raise DeclarationError(
            f"an annotation of {where} cannot be read ({error}): values are decoded by annotation, so import "
            "or define its types at module level, outside `if TYPE_CHECKING`"
        ) from None


def check_type(type_: Any, what: str) -> Any:
    """Return a type that JSON can be decoded as; `object`, `None` and `NoReturn` mean anything.

    Raises `DeclarationError` that names `what` for one that msgspec cannot decode.
    """
    if type_ in (object, None, type(None), NoReturn, Never):
        return Any
    try:
        foreign = _foreign(msgspec.inspect.type_info(type_), set())
        msgspec.json.Decoder(type_)
    except (TypeError, NameError, ValueError) as error:
        raise DeclarationError(
            f"{what} is declared as {_said(type_)}, which JSON cannot become ({str(error).splitlines()[0]}): "
            "use JSON types, a Struct or a dataclass"
        ) from None
    if foreign is not None:
        raise DeclarationError(
            f"{what} is declared as {_said(type_)}, and {foreign.__qualname__} has no JSON form: use JSON "
            "types, a Struct or a dataclass, or open it as a resource"
        )
    return type_


def _foreign(info: Any, seen: set[int]) -> type | None:
    """Return a class inside a type that msgspec has no JSON form for, if there is one."""
    if id(info) in seen:
        return None
    seen.add(id(info))
    if isinstance(info, msgspec.inspect.CustomType):
        return None if info.cls in (Handle, object) else info.cls
    parts: Iterable[Any] = ()
    if isinstance(info, (msgspec.inspect.Type, msgspec.inspect.Field)):
        parts = (getattr(info, name) for name in info.__struct_fields__)
    elif isinstance(info, tuple):
        parts = several(cast(Any, info))
    found = (_foreign(part, seen) for part in parts)
    return next((each for each in found if each is not None), None)


def holds_handle(type_: Any) -> bool:
    """Whether a type is a Handle or holds one (`Handle[str] | None`, `list[Handle[str]]`)."""
    return type_ is Handle or typing.get_origin(type_) is Handle or any(map(holds_handle, typing.get_args(type_)))


def handle_result(type_: Any) -> Any:
    """Return the result type of a `Handle[...]`."""
    return next(iter(typing.get_args(type_)), Any)


def _said(type_: Any) -> str:
    return type_.__qualname__ if isinstance(type_, type) else str(type_)
