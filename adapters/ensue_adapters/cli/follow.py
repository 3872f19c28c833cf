"""`ensue trace` and `ensue tail`: cause and effect, and the log as it grows."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Annotated, get_args

import msgspec
from cyclopts import Parameter
from rich.text import Text

from ensue.trace import last_root
from ensue_adapters.cli.options import COMMON, AsOf, Common, UsageError, looking, opened
from ensue_adapters.cli.output import STYLES, out, print_json, print_json_line, print_renderable
from ensue_adapters.cli.trees import print_trace
from ensue_core.clock import iso, to_datetime
from ensue_core.errors import NotFound
from ensue_core.facts import AnyFact, Decided, TriggerFired
from ensue_core.ports import Log
from ensue_core.records import Record

KINDS: tuple[str, ...] = tuple(sorted(kind.__name__ for kind in get_args(AnyFact)))
"""The kinds of record that the log can hold."""

LOOK_BACK_MAX = 50_000
"""How many records `--last` looks back for those of a kind."""

_SUBJECTS = ("code", "trigger", "task", "service", "invocation")
_STATES = ("status", "reason", "version")


async def trace(
    id: str | None = None,
    /,
    *,
    last: Annotated[bool, Parameter(help="Trace the newest thing that nothing here caused.", negative="")] = False,
    as_of: AsOf = None,
    common: Common = COMMON,
) -> None:
    """Show what an event, run or invocation came from and what came of it, as a tree.

    Parameters
    ----------
    id
        The id of an event, run, invocation, slot, or any other record.
    """
    if (id is None) == (not last):
        raise UsageError("name an id, or say --last")
    async with looking(common, as_of) as engine:
        if id is None:
            id = await last_root(engine.store)
            if id is None:
                raise NotFound("event, run or invocation", "--last")
        found = await engine.trace(id)
        if common.json:
            print_json(found)
        else:
            print_trace(found)


async def tail(
    *,
    follow: Annotated[bool, Parameter(help="Go on as the log grows.")] = True,
    kind: Annotated[tuple[str, ...], Parameter(help="Only this kind of record; may be said again.")] = (),
    last: Annotated[int, Parameter(help="Begin with so many records of the past.")] = 10,
    after: Annotated[int | None, Parameter(help="Begin after this position instead.")] = None,
    common: Common = COMMON,
) -> None:
    """Print the log's records as they come."""
    wanted = {_kind(each) for each in kind} or None
    async with opened(common) as engine:
        log = engine.store.log
        head = (await log.head()).position
        begin = await _before_last(log, head, last, wanted) if after is None else after
        show = _show_json if common.json else _show
        if follow:
            async for record in engine.tail(after=begin, kinds=wanted):
                show(record)
            return
        while begin < head and (records := await log.read(begin, 1_000)):
            for record in records:
                if record.position <= head and (wanted is None or record.kind in wanted):
                    show(record)
            begin = records[-1].position


def _kind(text: str) -> str:
    """Return a kind as it is written in the log, however it is written here."""
    plain = text.replace("-", "").replace("_", "").lower()
    found = next((kind for kind in KINDS if kind.lower() == plain), None)
    if found is None:
        close = get_close_matches(plain, [kind.lower() for kind in KINDS], 1)
        hint = next(
            (f"did you mean {kind}?" for kind in KINDS if [kind.lower()] == close), f"kinds are {', '.join(KINDS)}"
        )
        raise UsageError(f"no record is of kind {text!r}: {hint}")
    return found


async def _before_last(log: Log, head: int, last: int, wanted: Collection[str] | None) -> int:
    """Return the position before the last so many records of the wanted kinds, looking back a bounded way."""
    if wanted is None or last <= 0:
        return max(head - max(last, 0), 0)
    at, found = head, 0
    while at > max(head - LOOK_BACK_MAX, 0):
        start = max(at - 1_000, 0)
        records = await log.read_at(range(start + 1, at + 1))
        for position in sorted(records, reverse=True):
            found += records[position].kind in wanted
            if found == last:
                return position - 1
        at = start
    return at


def _show_json(record: Record) -> None:
    fact = msgspec.Raw(record.data)
    said = {"position": record.position, "time": to_datetime(record.time), "kind": record.kind, "id": record.id}
    print_json_line(said | {"cause": record.cause, "root": record.root, "fact": fact})


def _show(record: Record) -> None:
    console = out()
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{record.position:>7} ", style="dim").append(f"{iso(record.time)[11:23]}  ")
    line.append(f"{record.kind:<19} ", style="dim" if isinstance(record.fact, Decided) else "bold").append_text(
        _says(record)
    )
    if console.width - line.cell_len >= len(record.id) + 2:
        line.append(f"  {record.id}", style="dim")
    print_renderable(line, console)


def _says(record: Record) -> Text:
    """Name what a record is about, and the state it says."""
    fact = record.fact
    if isinstance(fact, TriggerFired):
        return Text(f"{fact.trigger} → {fact.task}")
    text = Text(next((str(value) for name in _SUBJECTS if (value := getattr(fact, name, ""))), ""))
    for name in _STATES:
        state = str(getattr(fact, name, ""))
        if state:
            text.append(f" {state}", style=STYLES.get(state, ""))
            break
    attempt: int = getattr(fact, "attempt", 1)
    if attempt > 1:
        text.append(f" try {attempt}")
    return text
