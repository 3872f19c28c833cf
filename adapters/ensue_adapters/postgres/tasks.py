"""Tasks that the adapter owns, so that a caller's cancellation never reaches a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ensue_core.errors import StoreUnavailable

T = TypeVar("T")


class OwnTasks:
    """Runs coroutines in tasks of its own; callers only wait for them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns. Where the caller is cancelled, the work goes on to its end."""
        return await asyncio.shield(self.begin(work))

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin work that somebody may wait for, or nobody. Raises `StoreUnavailable` once closed."""
        if self._closed:
            work.close()
            raise StoreUnavailable(f"{self._name} is closed: open the engine before you use it")
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Accept no more, and wait for what was begun."""
        self._closed = True
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever waits sees it too, and whoever gave up does not want to know
