"""What passes a filter, where a path leads, and which key a join pairs by: pure questions about JSON values.

Equality is JSON's: numbers are equal by value (`1` and `1.0`), a boolean never equals a number, text never
equals a number. Nothing here raises for a value that was not expected; it does not pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never, cast

from ensue_core.declarations import ByFunction, Filter, Key, Subset, Test, Whole
from ensue_core.ids import digest
from ensue_core.values import Json, canonical

__all__ = ["ANY_KEY", "at_path", "code_matches", "equal", "key_of", "passes", "type_matches"]

ANY_KEY = "*"
"""The key of `.by(None)`: any with any. No JSON text begins so."""

KEY_LENGTH_MAX = 256
"""A longer key is replaced by its digest, so that waiting rows and their index stay small."""


def passes(filter_: Filter, value: Json) -> bool:
    """Return whether a JSON value passes a filter that is data.

    Raises `TypeError` for a filter that is a function: whoever holds the function asks it.
    """
    match filter_:
        case Subset():
            return all(_test(test, *at_path(value, path)) for path, test in filter_.tests.items())
        case Whole():
            return _test(filter_.test, True, value)
        case ByFunction():
            raise TypeError(f"{filter_.function.name} is code and cannot be evaluated as data: call it")
        case _:
            assert_never(filter_)


def _test(test: Test, found: bool, value: Json) -> bool:
    """Ask one question; what is not there passes `exists(False)` alone."""
    wanted = test.value
    if test.op == "exists":
        return found is wanted
    if not found:
        return False
    match test.op:
        case "eq":
            return equal(value, wanted)
        case "ne":
            return not equal(value, wanted)
        case "gt":
            return _ordered(value, wanted) and value > wanted
        case "ge":
            return _ordered(value, wanted) and value >= wanted
        case "lt":
            return _ordered(value, wanted) and value < wanted
        case "le":
            return _ordered(value, wanted) and value <= wanted
        case "one_of":
            return any(equal(value, each) for each in wanted)
        case "contains":
            return _contains(value, wanted)
        case "prefix":
            return isinstance(value, str) and value.startswith(wanted)
        case _:
            assert_never(test.op)


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _ordered(left: Json, right: Json) -> bool:
    """Whether two values have an order: two numbers, or two texts."""
    return (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))


def _contains(value: Json, wanted: Json) -> bool:
    if isinstance(value, list):
        return any(equal(item, wanted) for item in cast(Any, value))
    return isinstance(value, (str, dict)) and isinstance(wanted, str) and wanted in value


def equal(left: Json, right: Json) -> bool:
    """Return whether two JSON values are equal, at every depth."""
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        one, other = cast("dict[str, Any]", left), cast("dict[str, Any]", right)
        return one.keys() == other.keys() and all(equal(item, other[name]) for name, item in one.items())
    if isinstance(left, list):
        items: Any = cast(Any, left)
        return len(items) == len(right) and all(map(equal, items, right))
    return bool(left == right)


def at_path(value: Json, path: str) -> tuple[bool, Json]:
    """Return whether a dotted path leads anywhere in a value, and what is there.

    A key that itself holds dots wins over a path of the same text: `"a.b"` finds `{"a.b": 1}` before
    `{"a": {"b": 1}}`.
    """
    if not isinstance(value, dict):
        return False, None
    mapping = cast("dict[str, Any]", value)
    if path in mapping:
        return True, mapping[path]
    dot = path.rfind(".")
    while dot > 0:
        head = path[:dot]
        if head in mapping:
            found, inner = at_path(mapping[head], path[dot + 1 :])
            if found:
                return True, inner
        dot = path.rfind(".", 0, dot)
    return False, None


def key_of(key: Key, plain: Json) -> str | None:
    """Return the text that a match pairs by in a join, or None for a record without the path.

    `plain` is what the path leads into: a payload; arguments; for results, arguments and `result` too.
    Keys are type-strict: `1`, `1.0`, `true` and `"1"` differ. Raises `ValueError` for a key by source, which
    is the invocation's id and in no value.
    """
    match key.kind:
        case "any":
            return ANY_KEY
        case "path":
            found, value = at_path(plain, key.path)
            if not found:
                return None
            text = canonical(value)
            return text if len(text) <= KEY_LENGTH_MAX else f"#{digest('key', text)}"
        case "source":
            raise ValueError("a key by source is the invocation's id: it is not in the value")
        case _:
            assert_never(key.kind)


def type_matches(wanted: Iterable[str], names: Iterable[str]) -> bool:
    """Return whether an exception is of a wanted type: `names` are its dotted type and its base classes'.

    A wanted name is dotted or bare, and matches from the right: `TimeoutError`, `errors.TimeoutError`. No
    wanted names match any.
    """
    known = tuple(names)
    listed = tuple(wanted)
    return not listed or any(name == each or name.endswith(f".{each}") for each in listed for name in known)


def code_matches(declared: str, code: str) -> bool:
    """Return whether an event code is the declared one or in its family (`orders.*` has `orders.eu.paid`)."""
    return code.startswith(declared[:-1]) if declared.endswith(".*") else code == declared
