"""What the log needs of the store that holds its views: one transaction that folds, and a few looks.

The views' store is SQLite's, Postgres's or the one in memory. Everything that only reads is that store itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from ensue_core.ids import Id
from ensue_core.ports import Store
from ensue_core.rows import WorkRow
from ensue_projections.ordering import Order
from ensue_projections.registers import Known, Registers, Run
from ensue_projections.requests import Request, Verdict

KEPT_SECONDS = 600.0
"""How long other processes can learn what became of their requests."""


class Stored(msgspec.Struct, frozen=True):
    """How far the views are folded. `version` counts the folds; `lines` says which broker's lines these are.

    `position` is where the order's horizon holds from.
    """

    version: int = 0
    order: Order = Order()
    lines: str = ""
    position: int = 0


class Asked(msgspec.Struct, frozen=True):
    """One envelope's requests, with the time at which it was appended.

    `keep`: its sender is another process and reads the verdicts from the views.
    """

    envelope: Id
    time: int
    requests: tuple[Request, ...]
    keep: bool = True


class Folding(msgspec.Struct, frozen=True):
    """What one transaction folds, and the order after it; it counts where the version still is this one."""

    version: int
    asked: Sequence[Asked]
    order: Order
    lines: str


class Folded(msgspec.Struct, frozen=True):
    """What became of it: each envelope's verdicts, and what stands now."""

    verdicts: list[tuple[Verdict, ...]]
    runs: list[Run]
    stored: Stored


class FoldedViews(Protocol):
    """A views' store and the transactions on it that only the log makes."""

    @property
    def store(self) -> Store:
        """The store that answers all that is only read."""
        ...

    async def open(self) -> None:
        """Open the store, and make what is missing."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...

    async def stored(self) -> Stored:
        """Return how far the views are folded."""
        ...

    async def fold(self, folding: Folding) -> Folded | None:
        """Judge and write, in one transaction; None, and nothing written, where the version has moved."""
        ...

    async def verdicts(self, envelopes: Collection[Id]) -> Mapping[Id, tuple[Verdict, ...]]:
        """Return what became of some envelopes, as far as they are folded and kept."""
        ...

    async def horizon_at(self, position: int) -> int:
        """Return the horizon that held at a position; 0 where it is not known any more."""
        ...

    async def let(self, worker: str, tasks: Collection[str], limit: int, seconds: float) -> Sequence[WorkRow]:
        """Lease up to `limit` due, unstarted, unleased attempts of some tasks to a worker, oldest due first."""
        ...

    async def unlet(self, worker: str, invocations: Collection[Id]) -> None:
        """Give leases of unstarted attempts back, so that others need not wait for them."""
        ...

    async def leased(self, invocations: Collection[Id]) -> Collection[Id]:
        """Return those of some started attempts whose lease has not run out."""
        ...


def judged(folding: Folding, known: Known) -> tuple[list[tuple[Verdict, ...]], Registers]:
    """Judge everything in order. Pure."""
    registers = Registers(known)
    verdicts = [tuple([registers.judge(each, asked.time) for each in asked.requests]) for asked in folding.asked]
    return verdicts, registers


def requests_of(folding: Folding) -> list[Request]:
    """Return all requests in order."""
    return [request for asked in folding.asked for request in asked.requests]
