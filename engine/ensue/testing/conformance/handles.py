"""Handles of one underlying store, for the suite: several of one namespace, or of several."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from ensue.testing.clock import ManualClock
from ensue_core.clock import Clock
from ensue_core.ports import Store

T = TypeVar("T")
PATIENCE_SECONDS = 20.0
"""How long the suite waits in real time before it calls something hung."""


class Handles:
    """Opens handles of one underlying store, all on one manual clock, and closes them at the end."""

    def __init__(self, make: Callable[[str, Clock], Store]) -> None:
        self.clock = ManualClock()
        self._make = make
        self._opened: list[Store] = []

    async def __call__(self, namespace: str = "a", clock: Clock | None = None) -> Store:
        """Open another handle of a namespace, as another process would."""
        store = self._make(namespace, clock or self.clock)
        await store.open()
        self._opened.append(store)
        return store

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every handle."""
        for store in self._opened:
            await store.close()

    async def in_time(self, work: Coroutine[Any, Any, T], step_seconds: float = 0.05) -> T:
        """Return what a coroutine returns; the manual clock runs meanwhile, for stores that poll by it."""
        task = asyncio.ensure_future(work)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not task.done():
                    await asyncio.wait({task}, timeout=0.002)
                    self.clock.advance(step_seconds)
                return await task
        finally:
            task.cancel()
