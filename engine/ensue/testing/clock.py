"""A clock that moves only when a test says so."""

from __future__ import annotations

import asyncio
import heapq

from ensue_core.clock import Clock
from ensue_core.defaults import SECOND


class ManualClock:
    """Wall time and monotonic time in a test's hands. Sleepers wake when the time they wait for has come."""

    def __init__(self, now: int = 1_767_225_600 * SECOND) -> None:
        self._now = now
        self._passed = 0.0
        self._order = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """Return the wall time that was set."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Wait until that much time has been let pass; zero yields once."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (self._passed + seconds, self._order, sleeper))
        await sleeper

    def advance(self, seconds: float) -> None:
        """Let time pass and wake who waited for it, in order."""
        self._now += round(seconds * SECOND)
        self._passed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._passed:
            sleeper = heapq.heappop(self._sleepers)[2]
            if not sleeper.done():
                sleeper.set_result(None)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator would: no time passes."""
        self._now += round(seconds * SECOND)


_: type[Clock] = ManualClock
