"""Figures: one number each, with the bound it has to keep and the bare peer it stands beside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A measured number.

    `limit` bounds the value, or the ratio where `of` says "ratio"; `aim` is what would be better still. `bare`
    is what Python's sqlite3 did alone, or a peer did, in the same run: `ratio` is value / bare.
    """

    measure: str
    name: str
    value: float
    unit: str
    limit: float | None = None
    better: Literal["more", "less"] = "less"
    of: Literal["value", "ratio"] = "value"
    aim: float | None = None
    bare: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of the bare peer's."""
        return None if not self.bare else self.value / self.bare

    @property
    def kept(self) -> bool | None:
        """Whether the bound is kept; None where there is none."""
        judged = self.ratio if self.of == "ratio" else self.value
        if self.limit is None or judged is None:
            return None
        return judged <= self.limit if self.better == "less" else judged >= self.limit


class Run(msgspec.Struct, frozen=True):
    """Where a measure keeps its files, and whether it is to be short.

    `server` is the URL of a Postgres server, or "" for SQLite; `peers` says whether the peers take part.
    """

    folder: Path
    quick: bool = False
    server: str = ""
    peers: bool = False

    def pick(self, full: int, quick: int) -> int:
        """Return how much of something to do."""
        return quick if self.quick else full

    def on(self, url: str) -> Run:
        """Return the same run in another database of the server."""
        return msgspec.structs.replace(self, server=url)

    def url(self, name: str) -> str:
        """Return the URL of a new file, or of a new schema."""
        return f"{self.server}?schema={name.replace('-', '_')}" if self.server else f"sqlite:///{self.folder / name}.db"


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which a part of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the middle one."""
    return percentile(values, 0.5)


def show(figures: Sequence[Figure], console: Console, beside: str = "bare") -> None:
    """Print figures as a table; `beside` says what they stand beside."""
    table = Table("measure", "figure", box=None, pad_edge=False, header_style="bold")
    for name in ("value", "unit", beside, "ratio", "bound", ""):
        table.add_column(name, justify="left" if name in ("unit", "") else "right")
    before = ""
    for each in figures:
        table.add_row(
            each.measure if each.measure != before else "",
            each.name,
            number(each.value),
            each.unit,
            "" if each.bare is None else number(each.bare),
            "" if each.ratio is None else f"{each.ratio:.2f}",
            _bound(each),
            {True: "kept", False: "[bold]missed[/bold]", None: ""}[each.kept],
        )
        before = each.measure
    console.print(table)


def _bound(figure: Figure) -> str:
    if figure.limit is None:
        return ""
    word = "at most" if figure.better == "less" else "at least"
    what = "ratio " if figure.of == "ratio" else ""
    aim = "" if figure.aim is None else f", aim {number(figure.aim)}"
    return f"{what}{word} {number(figure.limit)}{aim}"


def number(value: float) -> str:
    """Write a number as people read it."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
