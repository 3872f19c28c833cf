"""Carrying results from a thread back to the event loop that asked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from ensue_core.errors import StoreUnavailable

T = TypeVar("T")

Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]
"""A caller's future, and what to give it: a value, or an error."""


class Delivery:
    """Resolves the futures of one event loop, many at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._process = os.getpid()

    def future(self) -> asyncio.Future[Any]:
        """Return a future for a caller; raises `StoreUnavailable` in a forked child."""
        if os.getpid() != self._process:
            raise StoreUnavailable(
                "this store was opened before a fork, and SQLite must not cross one: open a store in each "
                "process (start processes with spawn)"
            )
        return self._loop.create_future()

    def send(self, outcomes: Sequence[Outcome], first: Callable[[], None] | None = None) -> None:
        """From a thread: run `first` on the loop, then resolve the futures. A closed loop hears nothing."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, outcomes, first)


def _resolve(outcomes: Sequence[Outcome], first: Callable[[], None] | None) -> None:
    if first is not None:
        first()
    for future, value, error in outcomes:
        if future.done():
            continue  # its caller was cancelled; what it asked for is done all the same
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)
