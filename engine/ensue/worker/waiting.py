"""Waiting by the clock: for an event with a bound, for an alarm, and longer after each failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ensue_core.clock import Clock
from ensue_core.defaults import SECOND


async def set_within(event: asyncio.Event, clock: Clock, seconds: float) -> bool:
    """Return True once the event is set, False after that many seconds of the clock."""
    if event.is_set():
        return True
    waiter = asyncio.ensure_future(event.wait())
    sleeper = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((waiter, sleeper), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
        sleeper.cancel()
    return event.is_set()


class Patience:
    """Waits twice as long after each failure in a row, within bounds."""

    def __init__(self, clock: Clock, first_seconds: float = 0.05, longest_seconds: float = 2.0) -> None:
        self._clock = clock
        self._first = first_seconds
        self._longest = longest_seconds
        self._next = first_seconds

    def reset(self) -> None:
        """It worked: begin small again."""
        self._next = self._first

    async def wait(self, interrupt: asyncio.Event | None = None) -> None:
        """Wait, or until the event is set."""
        seconds, self._next = self._next, min(self._next * 2, self._longest)
        if interrupt is None:
            await self._clock.sleep(seconds)
        else:
            await set_within(interrupt, self._clock, seconds)


class Alarm:
    """Calls back at a log time; setting it again only ever brings it forward."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._when: int | None = None
        self._task: asyncio.Task[None] | None = None

    def set(self, when: int, now: int) -> None:
        """Ring at log time `when`, with `now` as the present."""
        if self._when is not None and self._when <= when:
            return
        self.clear()
        self._when = when
        self._task = asyncio.get_running_loop().create_task(self._sleep((when - now) / SECOND))

    def clear(self) -> None:
        """Ring no more."""
        if self._task is not None:
            self._task.cancel()
        self._when, self._task = None, None

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._when, self._task = None, None
        self._ring()
