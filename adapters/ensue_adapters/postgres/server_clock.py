"""The server's time, kept here: one clock for all hosts, whatever happens to the clock of one of them.

The server is asked now and then, with other questions; in between, this machine's monotonic clock goes on. So a host
whose wall clock is wrong, or is set by an hour, does no harm.
"""

from __future__ import annotations

from ensue_core.clock import Clock

DRIFT = 200e-6
"""How far two good clocks part, at most, in seconds a second."""


class ServerClock:
    """A clock whose `now` is the server's, once it was asked; `base` tells until then, and how fast time passes."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._ahead: float | None = None
        """The server's time less our monotonic one, in seconds."""
        self._within = 0.0
        self._asked = 0.0

    def now(self) -> int:
        """Return the server's time in microseconds, as far as it is known."""
        if self._ahead is None:
            return self._base.now()
        return round((self._base.monotonic() + self._ahead) * 1_000_000)

    def monotonic(self) -> float:
        """Return this machine's monotonic seconds."""
        return self._base.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on this machine."""
        await self._base.sleep(seconds)

    def told(self, micros: int, asked: float) -> None:
        """Learn what the server said to a question of the monotonic moment `asked`, answered now."""
        answered = self._base.monotonic()
        ahead, within = micros / 1_000_000 - (asked + answered) / 2, (answered - asked) / 2
        if self._ahead is not None:
            known_within = self._within + (answered - self._asked) * DRIFT
            if within > known_within and abs(ahead - self._ahead) <= within + known_within:
                return  # what is known says more
        self._ahead, self._within, self._asked = ahead, within, answered


_: type[Clock] = ServerClock
