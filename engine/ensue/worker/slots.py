"""Slots: how many bodies of one kind run at once, and those that wait for their turn to go on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

WAITING_PER_SLOT_MAX = 100
"""How many bodies may wait without a slot, for each slot; past that, who waits keeps its own."""


class Slots:
    """A bounded number of slots. Who waits to go on with a body comes before new attempts."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.free = size
        self.waiting = 0
        self.lent = 0
        """Slots given back by bodies that have returned and whose end is not committed."""
        self.on_free: Callable[[], None] | None = None
        self._turns: deque[Hold] = deque()

    def take(self, wanted: int) -> int:
        """Take up to so many free slots and return how many."""
        taken = min(wanted, max(self.free, 0))
        self.free -= taken
        return taken

    def give(self, count: int = 1, ring: bool = True) -> None:
        """Give slots back; `ring` says whether to tell who claims."""
        while count and self._turns:
            hold = self._turns.popleft()
            if hold.granted():
                count -= 1
        if count:
            starved = self.free <= 0  # who claims has looked already while some were free
            self.free += count
            if ring and starved and self.on_free is not None:
                self.on_free()

    def lend(self) -> bool:
        """Whether a slot may be given back before its end is committed: for as many as there are slots.

        The next bodies run while the last ones' ends are committed, and a claim can share their commit; where
        the store takes no ends, no more than that many are gathered.
        """
        if self.lent >= self.size:
            return False
        self.lent += 1
        return True

    def queue(self, hold: Hold) -> bool:
        """Take a slot for a body that goes on (True), or put it in the line."""
        if self.free > 0:
            self.free -= 1
            return True
        self._turns.append(hold)
        return False


class Hold:
    """One attempt's slot. Its body holds it from start to return, but while it only waits."""

    __slots__ = ("_slots", "_turn", "_waits", "held", "loop", "over")

    def __init__(self, slots: Slots, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._slots = slots
        self._turn: asyncio.Future[None] | None = None
        self._waits = 0
        self.held = True
        self.over = False

    def release(self) -> None:
        """Give the slot up while the body waits; waits may overlap."""
        self._waits += 1
        slots = self._slots
        if self._waits == 1:
            slots.waiting += 1
        if self.held and not self.over and slots.waiting <= slots.size * WAITING_PER_SLOT_MAX:
            self.held = False
            slots.give()

    async def retake(self) -> None:
        """Return once the body may go on: after the last of overlapping waits, with a slot."""
        self._waits -= 1
        if self._waits:
            return
        self._slots.waiting -= 1
        if self.held or self.over:
            return
        if self._turn is None:
            if self._slots.queue(self):
                self.held = True
                return
            self._turn = self.loop.create_future()
        # Not awaited itself: it may be shared, and cancelling one who waits must not cancel it.
        await asyncio.wait((self._turn,))

    def granted(self) -> bool:
        """Accept a slot whose turn has come; False where the attempt is over and needs none."""
        turn, self._turn = self._turn, None
        if turn is None:
            return False
        self.held = True
        turn.set_result(None)
        return True

    def close(self) -> None:
        """The attempt is over: give the slot back and let nobody wait for it."""
        if self.over:
            return
        self.over = True
        if self._turn is not None:
            self._turn.set_result(None)
            self._turn = None
        if self.held:
            self.held = False
            self._slots.give()
