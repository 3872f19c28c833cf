"""Filters as users write them, turned into data: mappings, plain values, comparisons and functions.

A mapping is a subset match: each named path must be there and equal, or pass its comparison. A plain value
compares equal. `eq(x)` is whole equality. `projections/ensue_projections/filters.py` says what passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, Final, final

import msgspec

from ensue.functions import function_ref
from ensue.rules import is_mapping, named, several
from ensue_core.declarations import ANYTHING, ByFunction, Filter, Operator, Subset, Test, Whole
from ensue_core.errors import BadFilter, BadValue
from ensue_core.values import plain

__all__ = [
    "Comparison",
    "as_filter",
    "contains",
    "eq",
    "exists",
    "ge",
    "gt",
    "le",
    "lt",
    "ne",
    "one_of",
    "prefix",
]


@final
class Comparison:
    """A question about one value, as `gt(5)` makes it; stands for a value in filters."""

    __slots__ = ("operator", "value")

    def __init__(self, operator: Operator, value: object) -> None:
        self.operator: Final[Operator] = operator
        self.value: Final = value

    def __repr__(self) -> str:
        return f"{self.operator}({self.value!r})"

    def __bool__(self) -> bool:
        raise BadFilter(f"{self!r} is a part of a filter and not an answer: put it in a mapping, one per path")


Ordered = int | float | str | date
"""What can be compared by order: numbers, text and dates (but not datetimes)."""


def eq(value: object) -> Comparison:
    """Equal, the whole value: `eq({"a": 1})` does not pass `{"a": 1, "b": 2}`, as the bare mapping would."""
    return Comparison("eq", value)


def ne(value: object) -> Comparison:
    """There, and not equal."""
    return Comparison("ne", value)


def gt(value: Ordered) -> Comparison:
    """Greater than; values of unlike types never pass."""
    return Comparison("gt", value)


def ge(value: Ordered) -> Comparison:
    """Greater than or equal; values of unlike types never pass."""
    return Comparison("ge", value)


def lt(value: Ordered) -> Comparison:
    """Less than; values of unlike types never pass."""
    return Comparison("lt", value)


def le(value: Ordered) -> Comparison:
    """Less than or equal; values of unlike types never pass."""
    return Comparison("le", value)


def one_of(*values: object) -> Comparison:
    """Equal to one of the values; a lone list, tuple or set holds them."""
    return Comparison("one_of", several(values[0]) if len(values) == 1 else list(values))


def contains(value: object) -> Comparison:
    """A list with that item, text with that part, or a mapping with that key."""
    return Comparison("contains", value)


def exists(present: bool = True) -> Comparison:
    """There, whatever the value (None too); `exists(False)`: not there."""
    return Comparison("exists", present)


def prefix(text: str) -> Comparison:
    """Text that begins so."""
    return Comparison("prefix", text)


def as_filter(
    user: object, what: str, where: str, *, none_is_value: bool = False
) -> tuple[Filter, dict[str, Callable[..., Any]]]:
    """Return a user's filter as data, and the function it names, if any.

    `what` and `where` name it in errors. None lets everything pass unless `none_is_value`. Raises
    `BadFilter` for what cannot be a filter, `NotModuleLevel` for a function that other processes cannot find.
    """
    if user is None and not none_is_value:
        return ANYTHING, {}
    if is_mapping(user):
        return _subset(user, what, where), {}
    if isinstance(user, Comparison):
        return Whole(_test(user, what, where)), {}
    if callable(user):
        ref, function = function_ref(user, what, where)
        return ByFunction(ref), {ref.name: function}
    return Whole(Test("eq", _plain(user, what, where))), {}


def _subset(user: Mapping[Any, Any], what: str, where: str) -> Subset:
    tests: dict[str, Test] = {}
    for path, value in user.items():
        if not isinstance(path, str) or not path:
            raise BadFilter(f"{what} of {where} has the key {path!r}: write field names or dotted paths as text")
        at = f"{what} of {where} at {path!r}"
        if isinstance(value, Comparison):
            tests[path] = _test(value, what, where)
        elif callable(value):
            raise BadFilter(f"{at} is a function: one function filters the whole value, not a field of it")
        elif (inner := _inner_path(value)) is not None:
            raise BadFilter(
                f"{at} has a comparison inside a nested mapping, which compares whole: write the dotted path "
                f"{path + '.' + inner!r} instead"
            )
        else:
            tests[path] = Test("eq", _plain(value, what, where))
    return Subset(tests)


def _inner_path(value: object) -> str | None:
    """Return the path of a comparison inside a nested mapping, if there is one."""
    for name, item in (named(value) or {}).items():
        if isinstance(item, Comparison):
            return name
        if (inner := _inner_path(item)) is not None:
            return f"{name}.{inner}"
    return None


def _test(user: Comparison, what: str, where: str) -> Test:
    value = user.value
    at = f"{what} of {where}, {user!r},"
    match user.operator:
        case "gt" | "ge" | "lt" | "le":
            orderable = isinstance(value, (int, float, str, date)) and not isinstance(value, (bool, datetime, Enum))
            if not orderable:
                raise BadFilter(f"{at} compares by order: give it a number, text or date, or write a function")
        case "one_of":
            if not value:
                raise BadFilter(f"{at} has nothing to choose from: give it at least one value")
        case "exists":
            if not isinstance(value, bool):
                raise BadFilter(f"{at} takes True or False: write exists() or exists(False)")
        case "prefix":
            if not isinstance(value, str):
                raise BadFilter(f"{at} takes text: write prefix('abc')")
        case "eq" | "ne" | "contains":
            pass
    return Test(user.operator, _plain(value, what, where))


def _plain(value: object, what: str, where: str) -> Any:
    """Return a filter's value as JSON types, so that it compares with what is stored."""
    if callable(value) and not isinstance(value, (msgspec.Struct, Enum)):
        raise BadFilter(f"{what} of {where} holds {value!r}, which is no value: use JSON types or a Struct")
    try:
        return plain(value, f"{what} of {where}")
    except BadValue as error:
        raise BadFilter(str(error)) from None
