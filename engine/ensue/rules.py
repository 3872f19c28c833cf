"""Rules as users wrote them, not yet checked: a tree of questions, and who gives the arguments.

Everything here is what the typed classes of `triggers.py` and the loosely typed `TriggerBuilder` have in
common. `declare.py` turns a rule into data once the reacting task is known, so that errors can name it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeGuard

from ensue_core.declarations import ContextKind, Key

__all__ = [
    "MISSING",
    "Alternatives",
    "Built",
    "Call",
    "Given",
    "Node",
    "Question",
    "Rule",
    "Together",
    "Watched",
    "is_mapping",
    "join",
    "named",
    "several",
]

MISSING: Final[Any] = object()
"""Stands where a required value was not given, since None is a value."""


class Watched:
    """What conditions can watch besides a plain name: a task here, or a TaskRef to another service's."""

    name: str
    """The name it is recorded under."""


Call = Literal[
    "on_event", "on_status", "on_success", "on_any_result", "on_result", "on_exception", "on_cron", "on_poll"
]


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """One condition: which `on_...` was called, with what, and the key it was given, if any."""

    call: Call
    watched: object
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    key: Key | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Together:
    """All parts must hold (`&`)."""

    parts: tuple[Node, ...]
    within: object = None


@dataclass(frozen=True, eq=False, slots=True)
class Alternatives:
    """Any part may hold (`|`)."""

    parts: tuple[Node, ...]
    within: object = None


@dataclass(frozen=True, eq=False, slots=True)
class Built:
    """What a TriggerBuilder collected: its conditions, and the word that says how they combine."""

    parts: tuple[Node, ...]
    logic: object = "and"
    within: object = None


Node = Question | Together | Alternatives | Built


def join(kind: type[Together] | type[Alternatives], left: Node, right: Node) -> Node:
    """Combine two trees, flat where the left one is of the same kind (`a & b & c`) and has no window."""
    if isinstance(left, kind) and left.within is None:
        return kind((*left.parts, right))
    return kind((left, right))


@dataclass(frozen=True, eq=False, slots=True)
class Given:
    """One `with_args_...` call: a mapping for static, else a function or field names."""

    kind: Literal["static"] | ContextKind
    values: tuple[Any, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Rule:
    """A whole trigger as written."""

    node: Node
    given: tuple[Given, ...] = ()
    name: object = None
    start: object = None

    def with_given(self, kind: Literal["static"] | ContextKind, *values: Any) -> Rule:
        """Return the rule with one more way to make arguments, asked after those before it."""
        return replace(self, given=(*self.given, Given(kind, values)))


_TEXT = frozenset({str})


def several(given: object) -> list[Any]:
    """Return one value, or a list, tuple or set of them, as a list."""
    return list(given) if _is_collection(given) else [given]


def named(given: object) -> dict[str, Any] | None:
    """Return a mapping with text keys as a dict; None for anything else."""
    if not is_mapping(given):
        return None
    if _TEXT.issuperset(map(type, given)) or all(isinstance(name, str) for name in given):
        return dict(given)
    return None


def is_mapping(given: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is a mapping, of anything."""
    return type(given) is dict or isinstance(given, Mapping)


def _is_collection(given: object) -> TypeGuard[Collection[Any]]:
    return isinstance(given, (list, tuple, set, frozenset))
