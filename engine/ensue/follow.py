"""Following the log for those who wait: one reader for any number of handles and settled events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ensue_core.defaults import Defaults
from ensue_core.errors import HistoryLost, StoreError
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
        self._resting: asyncio.Future[int] | None = None

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
            if after < self._position:
                self._position = after
                if self._resting is not None:
                    self._resting.cancel()

    async def _read(self) -> None:
        while self._trackers or self._ends:
            try:
                position, here = self._position, list(self._trackers)
                records = await self._store.log.read(position, self._defaults.page_records_max)
                if self._position < position:
                    continue  # a newcomer needs the past
                for record in records:
                    self._show(record)
                if records:
                    # A short page is not the end of the log: only an empty one is.
                    self._position = records[-1].position
                    continue
                self._finish(here)
                if self._trackers or self._ends:
                    await self._rest()
            except HistoryLost as error:
                self._fail(error)
                return
            except StoreError:
                await self._store.clock.sleep(self._defaults.poll_seconds)

    async def _rest(self) -> None:
        """Wait for the log to grow, or for somebody who needs the past."""
        wait = self._store.log.wait(self._position, self._defaults.poll_seconds * 4)
        self._resting = resting = asyncio.ensure_future(wait)
        try:
            await asyncio.wait({resting})
            if not resting.cancelled():
                resting.result()
        finally:
            self._resting = None
            resting.cancel()

    def _fail(self, error: HistoryLost) -> None:
        """What was waited for may never have been: say so."""
        for each in [each for waiters in self._ends.values() for each in waiters]:
            if not each.done():
                each.set_exception(error)
        for _, done in self._trackers.values():
            if not done.done():
                done.set_exception(error)

    def _show(self, record: Record) -> None:
        fact = record.fact
        if isinstance(fact, InvocationCancelled) or (isinstance(fact, AttemptEnded) and fact.final):
            for each in self._ends.get(fact.invocation, ()):
                if not each.done():
                    each.set_result(record)
        for tracker, (after, done) in list(self._trackers.items()):
            if record.position > after and not done.done():
                self._guard(done, partial(tracker.see, record))

    def _finish(self, here: Sequence[Tracker]) -> None:
        """Ask those who were here when the last page was read: who came later has not seen it all."""
        for tracker in here:
            _, done = self._trackers.get(tracker, (0, None))
            if done is not None and not done.done():
                self._guard(done, partial(self._ask, tracker, done))

    def _ask(self, tracker: Tracker, done: asyncio.Future[None]) -> None:
        if tracker.seen_all():
            done.set_result(None)

    def _guard(self, done: asyncio.Future[None], call: Callable[[], object]) -> None:
        """A tracker that fails must fail its own waiter, not the reader."""
        try:
            call()
        except Exception as error:
            done.set_exception(error)
