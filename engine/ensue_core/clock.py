"""Time, as a port. The only file that reads the wall clock.

Log time is an int of microseconds since the Unix epoch (UTC). Nothing else in the tree may ask the
system for the time: everything takes a `Clock`, so that the whole engine runs under a virtual one.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What the engine needs of time."""

    def now(self) -> int:
        """Return the wall time in microseconds since the epoch; may step backwards."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never steps backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for that many seconds of this clock; zero yields once."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Return the system's wall time in microseconds."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Return the system's monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(max(seconds, 0.0))


SYSTEM_CLOCK = SystemClock()


def to_datetime(micros: int) -> datetime:
    """Turn log time into an aware UTC datetime, exactly."""
    return EPOCH + timedelta(microseconds=micros)


def from_datetime(moment: datetime) -> int:
    """Turn an aware datetime into log time; a naive one is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def iso(micros: int) -> str:
    """Write log time as ISO 8601 in UTC with milliseconds, for people."""
    return to_datetime(micros).isoformat(timespec="milliseconds").replace("+00:00", "Z")
