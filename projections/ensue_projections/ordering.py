"""The order of a log in many partitions: one of them, the spine, records how far the others are read. Pure.

A *line* is one partition. A mark in the spine covers the others up to some offsets; what it covers, and no mark before
it did, is placed before whatever stands in the spine after it. Vectors only grow, so marks may come late or twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ensue_core.ids import Id
from ensue_projections.requests import Request

Line = tuple[str, int]
"""A topic's role (`events`, `attempts`, `steps`) and a partition of it."""

SPINE: Line = ("steps", 0)
BEFORE_FIRST = -1


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """One record of a line as the broker keeps it; `time` is when it was appended, in microseconds."""

    line: Line
    offset: int
    time: int
    value: bytes


class Envelope(msgspec.Struct, frozen=True):
    """What one record holds: requests of one sender, in order, or how far other lines are read, or nothing.

    The same envelope may arrive several times. `sent` is the sender's clock.
    """

    id: Id
    sent: int = 0
    requests: tuple[Request, ...] = ()
    covers: Mapping[Line, int] = {}


class Order(msgspec.Struct, frozen=True):
    """How far a log is folded: the last offset of each line, the latest time seen in each, and the horizon.

    `horizon` is the least of these times: nothing that is placed later was appended before it.
    """

    offsets: Mapping[Line, int] = {}
    times: Mapping[Line, int] = {}
    horizon: int = 0

    def after(self, line: Line) -> int:
        """Return the last offset folded of a line."""
        return self.offsets.get(line, BEFORE_FIRST)


class Moving:
    """An order on its way: what is read of each line moves it."""

    def __init__(self, order: Order, lines: Iterable[Line]) -> None:
        self._lines = tuple(lines)
        self._offsets = dict(order.offsets)
        self._times = dict(order.times)

    def time_of(self, line: Line, offset: int, appended: int) -> int:
        """Pass a record of a line and return its time, the latest so far in that line."""
        self._offsets[line] = offset
        time = self._times[line] = max(appended, self._times.get(line, 0))
        return time

    def order(self) -> Order:
        """Return the order as it stands."""
        horizon = min((self._times.get(line, 0) for line in self._lines), default=0)
        return Order(dict(self._offsets), dict(self._times), horizon)


def still_to_place(order: Mapping[Line, int], covers: Mapping[Line, int]) -> dict[Line, tuple[int, int]]:
    """Return what a mark places: for each line, after which offset and up to which one."""
    return {
        line: (order.get(line, BEFORE_FIRST), offset)
        for line, offset in covers.items()
        if line != SPINE and offset > order.get(line, BEFORE_FIRST)
    }
