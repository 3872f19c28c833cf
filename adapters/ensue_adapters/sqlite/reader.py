"""A thread that reads: each job sees the file as of its own moment."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ensue_adapters.sqlite.connection import connect_reader
from ensue_adapters.sqlite.delivery import Delivery
from ensue_adapters.sqlite.trouble import translate
from ensue_adapters.sqlite.url import Place
from ensue_core.errors import StoreUnavailable

T = TypeVar("T")
_Job = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]


class Reader:
    """Runs functions of a read connection, in order, on a thread of its own."""

    def __init__(
        self,
        place: Place,
        delivery: Delivery,
        name: str,
        connect: Callable[[Place], sqlite3.Connection] = connect_reader,
    ) -> None:
        self._place = place
        self._connect = connect
        self._delivery = delivery
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._ended = delivery.future()
        self._thread = threading.Thread(target=self._work, name=f"ensue-{name}", daemon=True)
        self._thread.start()

    async def run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function in autocommit; one that needs one moment for several statements uses `snapshot`."""
        if self._closed:
            raise StoreUnavailable(f"{self._place.path} is closed: open the engine before you use it")
        future = self._delivery.future()
        self._queue.put((read, future))
        result: T = await future
        return result

    async def close(self) -> None:
        """Finish what was asked and end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.shield(self._ended)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        while (job := self._queue.get()) is not None:
            read, future = job
            if future.cancelled():
                continue
            try:
                if connection is None:
                    connection = self._connect(self._place)
                self._delivery.send([(future, read(connection), None)])
            except (sqlite3.Error, OSError) as error:
                trouble = translate(error, self._place.path)
                trouble.__cause__ = error
                self._delivery.send([(future, None, trouble)])
            except BaseException as error:
                self._delivery.send([(future, None, error)])
        if connection is not None:
            connection.close()
        self._delivery.send([(self._ended, None, None)])


def snapshot(read: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """Let a function of several statements see one moment."""

    def at_once(connection: sqlite3.Connection) -> T:
        connection.execute("BEGIN")
        try:
            return read(connection)
        finally:
            connection.execute("ROLLBACK")

    return at_once
