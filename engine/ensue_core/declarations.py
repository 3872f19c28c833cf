"""Triggers as data: what is recorded in the log, hashed into a version, and decided on.

Code (filter functions, providers) appears here only by its registered name and a digest of its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import msgspec

from ensue_core.ids import digest
from ensue_core.statuses import Status

Operator = Literal["eq", "ne", "gt", "ge", "lt", "le", "one_of", "contains", "exists", "prefix"]


class FunctionRef(msgspec.Struct, frozen=True):
    """A module-level function: its dotted name, and a digest of its source (information only)."""

    name: str
    source: str = ""


class Test(msgspec.Struct, frozen=True):
    """One question about one JSON value."""

    op: Operator
    value: Any = None


class Subset(msgspec.Struct, frozen=True, tag="subset"):
    """Each dotted path must exist and pass its test; no paths match everything."""

    tests: dict[str, Test] = {}


class Whole(msgspec.Struct, frozen=True, tag="whole"):
    """The whole value must pass the test."""

    test: Test


class ByFunction(msgspec.Struct, frozen=True, tag="function"):
    """A user's function decides."""

    function: FunctionRef


Filter = Subset | Whole | ByFunction
ANYTHING = Subset()


class Key(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a condition's matches find their partners in a join.

    `source`: by the invocation that caused them. `path`: by the value at a dotted path. `any`: any with any.
    """

    kind: Literal["source", "path", "any"] = "source"
    path: str = ""


SOURCE = Key()


class OnEvent(msgspec.Struct, frozen=True, tag="event"):
    """Each event with that code; a code that ends in `.*` is a family."""

    code: str
    payload: Filter = ANYTHING
    key: Key = SOURCE


class OnStatus(msgspec.Struct, frozen=True, tag="status"):
    """Each change of an invocation of the task to one of the statuses."""

    task: str
    statuses: tuple[Status, ...]
    arguments: Filter = ANYTHING
    key: Key = SOURCE


class OnResult(msgspec.Struct, frozen=True, tag="result"):
    """A final end of the task: successes whose result passes; with `failures`, failures too."""

    task: str
    result: Filter = ANYTHING
    failures: bool = False
    arguments: Filter = ANYTHING
    key: Key = SOURCE


class OnException(msgspec.Struct, frozen=True, tag="exception"):
    """A final failure of the task, by exception type names (bare or dotted); empty means any."""

    task: str
    types: tuple[str, ...] = ()
    arguments: Filter = ANYTHING
    key: Key = SOURCE


Catchup = Literal["none", "latest", "all"]


class OnCron(msgspec.Struct, frozen=True, tag="cron"):
    """Each slot of a schedule, once."""

    expression: str
    timezone: str = "UTC"
    catchup: Catchup = "latest"
    key: Key = SOURCE


class OnPoll(msgspec.Struct, frozen=True, tag="poll"):
    """Each answer of a function that fires, asked every so many microseconds by one process."""

    function: FunctionRef
    every: int
    allow_concurrent: bool = False
    key: Key = SOURCE


Condition = OnEvent | OnStatus | OnResult | OnException | OnCron | OnPoll


def condition_id(condition: Condition) -> str:
    """Return the id of a condition inside its trigger: a digest of its data, not of its code's source."""
    plain = msgspec.to_builtins(condition)
    return digest("condition", msgspec.json.encode(_without_source(plain), order="sorted"))[:16]


def _without_source(plain: Any) -> Any:
    if isinstance(plain, dict):
        table = cast("dict[str, Any]", plain)
        drop = {"source"} if set(table) == {"name", "source"} else set[str]()
        return {name: _without_source(item) for name, item in table.items() if name not in drop}
    if isinstance(plain, list):
        return [_without_source(item) for item in cast("Sequence[Any]", plain)]
    return plain


class Branch(msgspec.Struct, frozen=True):
    """Conditions that must all hold (by id, in declaration order), and how long matches wait, in microseconds."""

    conditions: tuple[str, ...]
    within: int


ContextKind = Literal["event", "status", "result", "exception", "cron", "poll", "run"]


class Static(msgspec.Struct, frozen=True, tag="static"):
    """Fixed arguments."""

    values: dict[str, Any]


class Fields(msgspec.Struct, frozen=True, tag="fields"):
    """Arguments picked by name: payload fields, or arguments of the source invocation."""

    kind: ContextKind
    names: tuple[str, ...]


class Provided(msgspec.Struct, frozen=True, tag="provided"):
    """Arguments made by a user's function of the typed context."""

    kind: ContextKind
    function: FunctionRef


Provider = Static | Fields | Provided
Start = Literal["now", "beginning"] | int | None
"""From when a trigger counts: None is the rule of semantics.md; an int is a position, or with `start_time` unused."""


class TriggerSpec(msgspec.Struct, frozen=True):
    """One trigger of one task, as data."""

    id: str
    task: str
    conditions: dict[str, Condition]
    branches: tuple[Branch, ...]
    providers: tuple[Provider, ...] = ()
    start: Start = None
    start_time: int | None = None
    sentence: str = ""

    @property
    def version(self) -> str:
        """A digest of the data, function names and sources; information, never part of an id."""
        return digest("trigger", msgspec.json.encode(msgspec.to_builtins(self), order="sorted"))[:16]
