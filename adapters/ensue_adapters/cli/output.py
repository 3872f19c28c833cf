"""How things are printed: tables and trees for people, JSON for machines, sentences on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Sequence, Sized
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ensue_core.clock import SYSTEM_CLOCK, to_datetime

WIDE = 112
"""From how many columns on a table shows its wide columns."""

_UNBOUND = 10_000
"""The width where stdout is no terminal: nothing is cut or wrapped."""

STYLES = {
    "SUCCESS": "green", "FAILED": "bold red", "RETRY": "yellow", "RUNNING": "cyan", "PENDING": "cyan",
    "CANCELLED": "magenta", "LOST": "red", "fired": "green", "failed": "bold red", "too deep": "bold red",
    "active": "green", "paused": "yellow", "retired": "dim", "ok": "green", "look": "yellow", "bad": "bold red",
    "parked": "yellow", "resent": "dim",
    "equal": "green", "different": "bold red", "not folded": "yellow",
    "waiting": "cyan", "expired": "yellow", "dropped": "yellow", "skipped": "yellow", "not asked": "yellow",
    "could not be asked": "bold red", "yes": "green", "no": "yellow", "unknown": "red",
    "done": "green", "would be done": "cyan", "left alone": "yellow",
    "gained": "green", "lost": "bold red", "changed": "yellow", "new": "green", "gone": "red", "same": "dim",
}  # fmt: skip
"""The colour of a status word; the word itself always stands there too."""


def out() -> Console:
    """Return the console of stdout."""
    console = Console(highlight=False, soft_wrap=False, emoji=False, markup=False)
    return console if console.is_terminal else Console(
        highlight=False, width=_UNBOUND, emoji=False, markup=False, color_system=None
    )  # fmt: skip


def err() -> Console:
    """Return the console of stderr; nothing is cut or wrapped there, a terminal wraps itself."""
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False, markup=False)


def say(text: str) -> None:
    """Tell people something; data goes elsewhere."""
    err().print(text)


def complain(text: str) -> None:
    """Print the one sentence of an error."""
    line = Text("error: ", style="bold red")
    line.append(" ".join(text.split()), style="default")
    err().print(line)


def print_json(value: object) -> None:
    """Print one JSON document: indented on a terminal, on one line elsewhere."""
    raw = msgspec.json.encode(value)
    if sys.stdout.isatty():
        raw = msgspec.json.format(raw, indent=2)
    sys.stdout.write(raw.decode() + "\n")


def print_json_line(value: object) -> None:
    """Print one line of a JSON list, at once."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


class Column(NamedTuple):
    """A table's column: its heading, and whether it is shown only where there is room.

    A column that `wraps` gives way to the others; nothing is ever cut off.
    """

    title: str
    wide: bool = False
    right: bool = False
    wraps: bool = False


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Text | str]], *, empty: str) -> None:
    """Print a table, or say on stderr that there is nothing to show."""
    filled = list(rows)
    if not filled:
        say(empty)
        return
    console = out()
    shown = [number for number, column in enumerate(columns) if console.width >= WIDE or not column.wide]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number in shown:
        column = columns[number]
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            overflow="fold",
            min_width=min(8, len(column.title)) if column.wraps else None,
        )
    for row in filled:
        table.add_row(*(row[number] for number in shown))
    _print(console, table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print one thing as name and value lines; empty values are left out."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields:
        if value is None or value == "":
            continue
        table.add_row(name, value if isinstance(value, Text) else plain(value))
    _print(out(), table)


def print_gap() -> None:
    """Print an empty line between parts."""
    sys.stdout.write("\n")


def print_renderable(what: RenderableType, console: Console | None = None) -> None:
    """Print anything rich can draw."""
    _print(console or out(), what)


def _print(console: Console, what: RenderableType) -> None:
    """Print without the spaces that fill each line up to the table's width."""
    if console.is_terminal:
        console.print(what)
        return
    with console.capture() as capture:
        console.print(what)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def plain(value: object) -> str:
    """Write a value for people: text as it is, times in full, all else as JSON."""
    match value:
        case str():
            return value
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case _:
            return msgspec.json.encode(value).decode()


def counted(things: Sized | int, name: str) -> str:
    """Write how many of something there are."""
    number = things if isinstance(things, int) else len(things)
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def brief(error_type: str | None) -> str:
    """Write an exception's type for people: of a builtin one the bare name."""
    return (error_type or "").removeprefix("builtins.")


def worded(word: str) -> Text:
    """Colour a status word."""
    return Text(word, style=STYLES.get(word, ""))


def dim(text: str | None) -> Text:
    """Write something that stands back."""
    return Text(text or "", style="dim")


def times(moments: Sequence[datetime | None]) -> list[str]:
    """Write the times of a column alike (UTC): of today with milliseconds, else with the date."""
    today = to_datetime(SYSTEM_CLOCK.now()).date()
    same_day = all(each is None or each.date() == today for each in moments)
    form = "%H:%M:%S" if same_day else "%m-%d %H:%M:%S"
    if any(each is not None and each.year != today.year for each in moments):
        form = "%Y-%m-%d %H:%M:%S"
    return [
        "" if each is None else each.strftime(form) + (f".{each.microsecond // 1000:03d}" if same_day else "")
        for each in moments
    ]


def lasting(seconds: float | None) -> str:
    """Write how long something took."""
    if seconds is None:
        return ""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 2880 else f"{minutes / 1440:.1f} d"


class RateColumn(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """Draw it; nothing while it is not known."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="dim")


@contextmanager
def progress(what: str) -> Generator[Callable[[int, int], None], None, None]:
    """Show a bar on stderr, only on a terminal and only once there is much to do."""
    bar = Progress(
        TextColumn(what), BarColumn(), MofNCompleteColumn(), RateColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    state: dict[str, Any] = {}

    def tell(done: int, total: int) -> None:
        if total < 10_000:
            return
        if not state:
            bar.start()
            state["task"] = bar.add_task(what, total=total)
        bar.update(state["task"], completed=done)

    try:
        yield tell
    finally:
        if state:
            bar.stop()
