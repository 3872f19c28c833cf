"""Asking blocking polls: many in one trip to a thread, each as long as it takes, nobody behind a slow one.

A round's functions are taken from one line. Where the thread at it stays with one for longer than a moment,
another thread takes the rest; what runs past its deadline is given up with its thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Generic, TypeVar

from ensue.offload import Offload
from ensue_core.clock import Clock

MOMENT_SECONDS = 0.1
"""How long the others of a round wait for a slow one before another thread takes them."""

Outcome = tuple[Any, BaseException | None]
"""What a function returned, or what it raised."""


ItemT = TypeVar("ItemT")


class Round(Generic[ItemT]):
    """Functions to call, and what came of those that were.

    Of each, either `told` is called on the loop, with its outcome, or `given_up`; then `back` once it has come back
    all the same.
    """

    def __init__(
        self,
        calls: Sequence[tuple[ItemT, Callable[[], Any]]],
        told: Callable[[ItemT, Outcome], None],
        given_up: Callable[[ItemT], None],
        back: Callable[[ItemT], None],
    ) -> None:
        self._line = deque(calls)
        self._told, self._given_up, self._back = told, given_up, back
        self._began: dict[ItemT, float] = {}
        self._done: list[tuple[ItemT, Outcome]] = []
        self._late: set[ItemT] = set()
        self._lock = Lock()
        self._left = len(calls)

    async def ask(self, clock: Clock, offload: Offload, deadline_seconds: float) -> None:
        """Call them all, and return once each has come back or is past its deadline."""
        self._clock, self._loop = clock, asyncio.get_running_loop()
        threads = {asyncio.ensure_future(offload.run(self._work))}
        try:
            while self._left:
                tick = asyncio.ensure_future(clock.sleep(MOMENT_SECONDS))
                await asyncio.wait({*threads, tick}, return_when=asyncio.FIRST_COMPLETED)
                tick.cancel()
                threads = {each for each in threads if not each.done()}
                self._gather(deadline_seconds)
                if self._line:
                    threads.add(asyncio.ensure_future(offload.run(self._work)))
        finally:
            for each in threads:
                each.cancel()

    def _gather(self, deadline_seconds: float) -> None:
        """Tell what has come back, and give up what takes too long."""
        with self._lock:
            done, self._done = self._done, []
            now = self._clock.monotonic()
            late = [each for each, began in self._began.items() if now - began >= deadline_seconds]
            for each in late:
                del self._began[each]
                self._late.add(each)
        for each, outcome in done:
            self._left -= 1
            self._told(each, outcome)
        for each in late:
            self._left -= 1
            self._given_up(each)

    def _work(self) -> None:
        """Call one function after the other; runs in a thread."""
        while True:
            with self._lock:
                if not self._line:
                    return
                each, function = self._line.popleft()
                self._began[each] = self._clock.monotonic()
            outcome = called(function)
            with self._lock:
                late = each in self._late
                if not late:
                    del self._began[each]
                    self._done.append((each, outcome))
            if late:
                with suppress(RuntimeError):  # the loop is gone
                    self._loop.call_soon_threadsafe(self._back, each)
                return


def called(function: Callable[[], Any]) -> Outcome:
    """Call a user's function; whatever it raises is its outcome."""
    try:
        return function(), None
    except BaseException as error:  # user code may raise anything, SystemExit too
        return None, error
