"""Tasks that the store owns, so that a caller's cancellation never breaks off what is half asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
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
        if self._closed:
            work.close()
            raise StoreUnavailable(f"{self._name} is closed: open the engine before you use it")
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def all(self, works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Return what several return, in order; where one fails, once all have ended."""
        found = await asyncio.gather(*works, return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException):
                raise each
        return [each for each in found if not isinstance(each, BaseException)]

    async def close(self) -> None:
        """Accept no more, and wait for what was begun."""
        self._closed = True
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever waits sees it too
