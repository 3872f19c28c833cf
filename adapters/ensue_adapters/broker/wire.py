"""What the log needs of a broker: lines that keep what is sent, in an order, with the time of its arrival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from ensue_projections.ordering import Arrived, Line


class Sent(msgspec.Struct, frozen=True, gc=False):
    """Where a record stands in its line."""

    offset: int


class InDoubt(Exception):
    """A record was on its way when something failed: it may stand in its line, now or later, or never."""


class Unsent(Exception):
    """A record was not sent: no broker could be reached."""


class Lost(Exception):
    """The lines cannot be read on; open another reading. The message is one sentence for people."""


class Reading(Protocol):
    """Some lines being read, each past an offset."""

    async def read(self) -> Sequence[Arrived]:
        """Return what has arrived, each line in its order, nothing left out; waits a while for the first.

        Raises `Lost`.
        """
        ...

    async def close(self) -> None:
        """Let go of it. Repeating it does nothing."""
        ...


class Wire(Protocol):
    """One namespace's lines at a broker."""

    @property
    def lines(self) -> Sequence[Line]:
        """Every line, the spine among them; known once it is open."""
        ...

    @property
    def name(self) -> str:
        """Where the lines are, for people, without secrets."""
        ...

    def topic(self, role: str) -> str:
        """Return the name of a role's topic."""
        ...

    async def open(self) -> str:
        """Connect, make what is missing and check it; return what tells these lines from others of the same names.

        Raises `StoreUnavailable` and `ConfigError`, in one sentence that says what to do.
        """
        ...

    async def close(self) -> None:
        """Let go of everything. Repeating it does nothing."""
        ...

    async def send(self, line: Line, value: bytes) -> Sent:
        """Append a record to a line, durable on return. Raises `InDoubt`, `Unsent`, and `StoreError` for what is
        refused for good.
        """
        ...

    async def reading(self, after: Mapping[Line, int]) -> Reading:
        """Begin to read every line past an offset; past none where it is -1. Raises `Lost`."""
        ...

    async def ends(self) -> Mapping[Line, int]:
        """Return the last offset of each line, -1 where it is empty. Raises `Lost`."""
        ...
