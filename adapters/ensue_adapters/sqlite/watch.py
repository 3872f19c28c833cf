"""Waiting for the head to move: woken by own commits and by hints; polling is the truth."""

from __future__ import annotations

import asyncio
import sqlite3

from ensue_adapters.sqlite.pages import read_head
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader
from ensue_core.errors import EnsueError, StoreUnavailable


class Watch:
    """Knows the highest position seen and who waits for a higher one. For one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reader: Reader, places: Places, poll_seconds: float) -> None:
        self._loop = loop
        self._reader = reader
        self._places = places
        self._poll_seconds = poll_seconds
        self._waiting: dict[asyncio.Future[bool], int] = {}
        self._position = 0
        self._data_version = -1
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
        """Another process says that it has committed."""
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
                self.advance(await self._reader.run(self._head_if_changed))
        except EnsueError as error:
            self._hinted = True
            for future in self._waiting:
                if not future.done():
                    future.set_exception(error)
        finally:
            self._looking = None

    def _head_if_changed(self, connection: sqlite3.Connection) -> int:
        """On the reader's thread: the data version costs 4 microseconds and moves with any commit."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._data_version:
            return 0
        self._data_version = version
        return read_head(connection, self._places).position

    def _start_polling(self) -> None:
        if self._timer is None and not self._closed:
            self._timer = self._loop.call_later(self._poll_seconds, self._poll)

    def _poll(self) -> None:
        self._timer = None
        if self._waiting:
            self._hinted = True
            self._look()
            self._start_polling()


def _give_up(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(False)
