"""Where sync bodies run: in threads of their own, or inline where a simulation refuses threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, ParamSpec, Protocol, TypeVar

__all__ = ["Inline", "Offload", "Threads"]

P = ParamSpec("P")
R = TypeVar("R")
Job = Callable[[], Callable[[], None]]
"""Runs a function; what it returns tells the outcome."""


class Offload(Protocol):
    """Runs a blocking function without blocking the loop."""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what the function returns, raise what it raises.

        Cancelling the wait does not stop the function: nothing can.
        """
        ...

    def close(self) -> None:
        """Let idle threads go; functions that still run are left alone. Running one more opens it again."""
        ...


class Inline:
    """Runs functions at once, on the loop: for simulations, where one thread does everything."""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function."""
        return function(*args, **kwargs)

    def close(self) -> None:
        """Do nothing."""


class Threads:
    """Daemon threads, made on demand and kept for reuse.

    It sets no limit of its own, or a body that waits for another one could block it for ever: how many run
    at once is the slots' matter. Daemons, so that a body that hangs cannot keep the process from exiting.
    """

    def __init__(self, name: str = "ensue-task", idle_max: int = 16) -> None:
        self._name = name
        self._idle_max = idle_max
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = Lock()
        self._idle = 0
        self._made = 0
        self._closed = False

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function in a thread."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[R | None, BaseException | None]] = loop.create_future()

        def job() -> Callable[[], None]:
            value, raised = None, None
            try:
                value = function(*args, **kwargs)
            except BaseException as error:
                raised = error
            outcome = (value, raised)
            return lambda: _tell(loop, future, outcome)

        self._start(job)
        value, raised = await future
        if raised is not None:
            try:
                raise raised
            finally:
                raised = None  # Or the traceback would hold this frame, and this frame the traceback.
        return value  # type: ignore[return-value]  # None stands for a missing value only beside an error.

    def close(self) -> None:
        """Let idle threads go."""
        with self._lock:
            self._closed = True
            for _ in range(self._idle):
                self._jobs.put(None)
            self._idle = 0

    def _start(self, job: Job) -> None:
        with self._lock:
            self._closed = False
            self._jobs.put(job)
            if self._idle:
                self._idle -= 1
                return
            self._made += 1
            name = f"{self._name}-{self._made}"
        Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        stays = True
        while stays and (job := self._jobs.get()) is not None:
            tell = job()
            # Idle before anybody hears of the result, or the next function would be given another thread.
            with self._lock:
                stays = not self._closed and self._idle < self._idle_max
                self._idle += stays
            tell()
            del job, tell


def _tell(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], outcome: object) -> None:
    """Hand an outcome to the loop; where that has closed, nobody waits any more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_deliver, future, outcome)


def _deliver(future: asyncio.Future[Any], outcome: object) -> None:
    if not future.done():
        future.set_result(outcome)


_: tuple[type[Offload], type[Offload]] = (Inline, Threads)
