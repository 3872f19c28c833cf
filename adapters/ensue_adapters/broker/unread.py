"""What was read of the lines and is not folded yet: put together, in the one order, as far as everything is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from ensue_adapters.broker.views import Asked
from ensue_projections.ordering import SPINE, Arrived, Envelope, Line, Moving, Order, still_to_place

Decode = Callable[[Arrived], Envelope]

REQUESTS_MAX = 4_000
"""How many requests one transaction folds, roughly: one more record is always taken whole."""


class Unread:
    """Records by line. What `next` takes is gone from here: where its fold does not count, everything is read again."""

    def __init__(self, order: Order, lines: Sequence[Line], decode: Decode) -> None:
        self._lines = lines
        self._decode = decode
        self._order = order
        self._held: dict[Line, deque[Arrived]] = {line: deque() for line in lines}
        self._ends: dict[Line, int] = {line: order.after(line) for line in lines}
        self._spine: deque[tuple[Arrived, Envelope]] = deque()
        self._covered: dict[Line, int] = dict(self._ends)

    def add(self, arrived: Iterable[Arrived]) -> None:
        """Hold what has arrived."""
        for each in arrived:
            if each.offset <= self._ends[each.line]:
                continue  # read twice
            self._ends[each.line] = each.offset
            if each.line != SPINE:
                self._held[each.line].append(each)
                continue
            envelope = self._decode(each)
            self._spine.append((each, envelope))
            self.marked(envelope.covers)

    def count(self) -> int:
        """Return how many records are held."""
        return len(self._spine) + sum(map(len, self._held.values()))

    def uncovered(self) -> dict[Line, int]:
        """Return how far the lines are read that no mark covers so far yet; empty where all are."""
        return {line: end for line, end in self._ends.items() if line != SPINE and end > self._covered.get(line, -1)}

    def marked(self, covers: Mapping[Line, int]) -> None:
        """A mark stands in the spine that covers so much; it will be read in its place."""
        for line, offset in covers.items():
            self._covered[line] = max(self._covered.get(line, -1), offset)

    def behind(self, ends: Mapping[Line, int]) -> str:
        """Name a line of which less was read than it holds; empty where there is none."""
        return next((f"{role}/{number}" for (role, number), end in ends.items() if end > self._ends[role, number]), "")

    def next(self) -> tuple[list[Asked], Order] | None:
        """Take what can be folded now, in order, and the order after it; None where that is nothing."""
        moving = Moving(self._order, self._lines)
        offsets = dict(self._order.offsets)
        asked: list[Asked] = []
        count, taken = 0, False
        while self._spine and count < REQUESTS_MAX:
            arrived, envelope = self._spine[0]
            places = still_to_place(offsets, envelope.covers)
            if any(line not in self._held or self._ends[line] < upto for line, (_, upto) in places.items()):
                break
            self._spine.popleft()
            taken = True
            for time, one in self._placed(moving, places):
                asked.append(Asked(one.id, time, one.requests))
                count += len(one.requests)
            offsets.update({line: upto for line, (_, upto) in places.items()})
            time = moving.time_of(SPINE, arrived.offset, arrived.time)
            asked.append(Asked(envelope.id, time, envelope.requests, not envelope.covers))
            count += len(envelope.requests)
        if not taken:
            return None
        self._order = moving.order()
        return asked, self._order

    def _placed(self, moving: Moving, places: dict[Line, tuple[int, int]]) -> list[tuple[int, Envelope]]:
        """Take what a mark places: by time, then by line, each line in its order."""
        found: list[tuple[int, Line, int, Envelope]] = []
        for line in sorted(places):
            held, upto = self._held[line], places[line][1]
            while held and held[0].offset <= upto:
                arrived = held.popleft()
                time = moving.time_of(line, arrived.offset, arrived.time)
                found.append((time, line, arrived.offset, self._decode(arrived)))
        found.sort(key=lambda each: each[:3])
        return [(time, envelope) for time, _, _, envelope in found]
