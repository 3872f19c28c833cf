"""Following the log for those who wait: one reader for any number of handles and settled events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from ensue_core.defaults import Defaults
from ensue_core.errors import StoreError
from ensue_core.facts import AttemptEnded, InvocationCancelled
from ensue_core.ids import Id
from ensue_core.ports import Store
from ensue_core.records import Record


class Tracker(Protocol):
    """Somebody who looks at records until it has seen enough. Records may be shown again; they are in order."""

    def see(self, record: Record) -> None:
        """Look at one record."""
        ...

    def seen_all(self) -> bool:
        """Whether it needs no more, asked when every record there is has been shown."""
        ...


class Follower:
    """Reads the log from the earliest position anybody needs, while anybody needs it."""

    def __init__(self, store: Store, defaults: Defaults) -> None:
        self._store, self._defaults = store, defaults
        self._trackers: dict[Tracker, tuple[int, asyncio.Future[None]]] = {}
        self._ends: dict[Id, set[asyncio.Future[Record]]] = {}
        self._position = 0
        self._task: asyncio.Task[None] | None = None

    async def track(self, tracker: Tracker, after: int) -> None:
        """Show a tracker the records past a position until it has seen all it needs."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._trackers[tracker] = (after, done)
        self._start(after)
        try:
            await done
        finally:
            self._trackers.pop(tracker, None)

    async def end_of(self, invocation: Id, after: int) -> Record:
        """Return the record past a position that ends an invocation for good, once it is there."""
        found: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        waiters = self._ends.setdefault(invocation, set())
        waiters.add(found)
        self._start(after)
        try:
            return await found
        finally:
            waiters.discard(found)
            if not waiters:
                self._ends.pop(invocation, None)

    async def close(self) -> None:
        """Stop reading; whoever still waits is cancelled."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for waiters in self._ends.values():
            for each in waiters:
                each.cancel()
        for _, done in self._trackers.values():
            done.cancel()

    def _start(self, after: int) -> None:
        if self._task is None or self._task.done():
            self._position = after
            self._task = asyncio.create_task(self._read(), name="ensue-follow")
        else:
            # Somebody needs the past: show it again to all, in order.
            self._position = min(self._position, after)

    async def _read(self) -> None:
        while self._trackers or self._ends:
            try:
                position = self._position
                records = await self._store.log.read(position, self._defaults.page_records_max)
                if self._position < position:
                    continue  # a newcomer needs the past
                for record in records:
                    self._show(record)
                if records:
                    self._position = records[-1].position
                if len(records) < self._defaults.page_records_max:
                    self._finish()
                    if self._trackers or self._ends:
                        await self._store.log.wait(self._position, self._defaults.poll_seconds * 4)
            except StoreError:
                await self._store.clock.sleep(self._defaults.poll_seconds)

    def _show(self, record: Record) -> None:
        fact = record.fact
        if isinstance(fact, InvocationCancelled) or (isinstance(fact, AttemptEnded) and fact.final):
            for each in self._ends.get(fact.invocation, ()):
                if not each.done():
                    each.set_result(record)
        for tracker, (after, done) in list(self._trackers.items()):
            if record.position > after and not done.done():
                self._guard(done, lambda tracker=tracker: tracker.see(record))

    def _finish(self) -> None:
        for tracker, (_, done) in list(self._trackers.items()):
            if not done.done():
                self._guard(done, lambda tracker=tracker, done=done: done.set_result(None) if tracker.seen_all() else None)

    def _guard(self, done: asyncio.Future[None], call: Callable[[], object]) -> None:
        """A tracker that fails must fail its own waiter, not the reader."""
        try:
            call()
        except Exception as error:
            done.set_exception(error)
