"""The line between a process and the world it shares: where a simulation makes things go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Line(Protocol):
    """Carries each operation of a store to its world and the answer back.

    `act` is the whole operation. It runs synchronously, so it happens at one moment, whole or not at all. A
    faulty line may delay it, lose the request (raise before), lose the answer (raise after), let it happen
    after the caller has gone, or twice.
    """

    async def carry(self, operation: str, act: Callable[[], T]) -> T:
        """Bring an operation ("log.append", "decisions.commit", ...) about and return its answer."""
        ...


class DirectLine:
    """A line without faults: others may act before the operation, and between it and its answer."""

    async def carry(self, operation: str, act: Callable[[], T]) -> T:
        """Yield, act, yield."""
        await asyncio.sleep(0)
        answer = act()
        await asyncio.sleep(0)
        return answer


_: type[Line] = DirectLine
