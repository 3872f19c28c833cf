"""Virtual time on the running event loop: it moves only when asked to, so that a test's days take no time.

The loop's own `time()` is replaced while the block lasts, so sleeps, timeouts and timers of everything on the
loop follow it. Works with asyncio's own loops, not with uvloop.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from ensue_core.clock import Clock
from ensue_core.defaults import SECOND
from ensue_core.errors import EnsueError

IO_SECONDS = 0.05
"""How long, in real time, something outside (a socket, a thread) is waited for before virtual time moves on."""


class VirtualTime:
    """The time of one event loop, and the wall clock that goes with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: int) -> None:
        self._loop: Any = loop
        self._time = loop.time()
        self._began, self._start = self._time, now
        self.busy_outside: Callable[[], bool] = lambda: False
        """Whether threads run that will come back."""

    # A Clock.

    def now(self) -> int:
        """Return the virtual wall time in microseconds."""
        return self._start + round((self._time - self._began) * SECOND)

    def monotonic(self) -> float:
        """Return the virtual seconds since the block began."""
        return self._time - self._began

    async def sleep(self, seconds: float) -> None:
        """Sleep in virtual time."""
        await asyncio.sleep(max(seconds, 0.0))

    # Moving it.

    @contextmanager
    def patched(self) -> Generator[None, None, None]:
        """Make it the loop's time until the block ends."""
        try:
            self._loop.time = lambda: self._time
        except AttributeError:
            raise EnsueError(
                f"virtual time needs asyncio's own event loop, not {type(self._loop).__name__}: use the default policy "
                "in tests"
            ) from None
        try:
            yield
        finally:
            del self._loop.time

    def next_timer(self) -> float | None:
        """Return when the loop's next timer is due, in the loop's time; None without one."""
        timers: list[Any] = self._loop._scheduled
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
            self._loop._timer_cancelled_count -= 1
        return timers[0].when() if timers else None

    def jump(self, to: float) -> None:
        """Set the loop's time; never back."""
        self._time = max(self._time, to)

    @property
    def time(self) -> float:
        """The loop's time."""
        return self._time

    async def calm(self) -> None:
        """Return when nothing on the loop can go on without time passing."""
        quiet = 0
        while quiet < 3:
            await asyncio.sleep(0)
            ready = len(self._loop._ready)
            quiet = quiet + 1 if ready == 0 else 0
            if quiet == 2 and (self.busy_outside() or self._sockets()):
                await self._outside()
                if self._loop._ready or self.busy_outside():
                    quiet = 0

    def _sockets(self) -> bool:
        """Whether anything but the loop's own wake-up pipe is watched."""
        selector = getattr(self._loop, "_selector", None)
        return selector is not None and len(selector.get_map()) > 1

    async def _outside(self) -> None:
        """Give sockets and threads a moment of real time."""
        events = self._loop._selector.select(IO_SECONDS)
        self._loop._process_events(events)


_: type[Clock] = VirtualTime
