"""Waiting for the head to move: woken by own commits and by hints; polling is the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ensue_core.errors import EnsueError, StoreUnavailable


class Watch:
    """Knows the highest position seen and who waits for a higher one. For one event loop.

    `look` returns the head's position, or 0 where it has not moved. `poll_seconds` may change at any time.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, look: Callable[[], Awaitable[int]], poll_seconds: float
    ) -> None:
        self.poll_seconds = poll_seconds
        self._loop = loop
        self._look_at_head = look
        self._waiting: dict[asyncio.Future[bool], int] = {}
        self._position = 0
        self._hinted = True
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    async def wait(self, after: int, timeout: float | None) -> int:
        """Return a position past `after` as soon as the head has reached it, 0 after `timeout` seconds."""
        if self._position > after:
            return self._position
        if self._closed:
            raise StoreUnavailable("this store is closed: open the engine before you use it")
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiting[future] = after
        expiry = None if timeout is None else self._loop.call_later(max(timeout, 0.0), _give_up, future)
        if self._hinted:
            self._look()
        self._start_polling()
        try:
            return self._position if await future else 0
        finally:
            del self._waiting[future]
            if expiry is not None:
                expiry.cancel()

    def advance(self, position: int) -> None:
        """The log reaches at least so far; wake whom that concerns."""
        if position <= self._position:
            return
        self._position = position
        for future, after in self._waiting.items():
            if position > after and not future.done():
                future.set_result(True)

    def hinted(self) -> None:
        """Somebody else says that there is something new."""
        self._hinted = True
        if self._waiting:
            self._look()

    async def close(self) -> None:
        """Stop looking; those who wait see their wait end with False."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)
        for future in self._waiting:
            _give_up(future)

    def _look(self) -> None:
        """Read the head, once at a time; a hint that comes meanwhile is looked after again."""
        if self._looking is None and not self._closed:
            self._looking = self._loop.create_task(self._look_now())

    async def _look_now(self) -> None:
        try:
            while self._hinted and not self._closed:
                self._hinted = False
                self.advance(await self._look_at_head())
        except EnsueError as error:
            self._hinted = True
            for future in self._waiting:
                if not future.done():
                    future.set_exception(error)
        finally:
            self._looking = None

    def _start_polling(self) -> None:
        if self._timer is None and not self._closed:
            self._timer = self._loop.call_later(self.poll_seconds, self._poll)

    def _poll(self) -> None:
        self._timer = None
        if self._waiting:
            self._hinted = True
            self._look()
            self._start_polling()


def _give_up(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(False)
