"""Claiming: due attempts are taken as slots are free, woken by the log, by due times and by freed slots."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from ensue.worker.slots import Slots
from ensue.worker.waiting import Alarm, Patience
from ensue_core.clock import Clock
from ensue_core.defaults import SECOND, Defaults
from ensue_core.errors import CommitUnknown, StoreUnavailable
from ensue_core.ports import Claimed, Store
from ensue_projections.work import leaves_open

LOOKED_AT = 64
"""How many new records are looked at before a question to the store is cheaper."""

_log = logging.getLogger("ensue.worker")


class LogTime:
    """The present in log time: a row may be due by it while this process's clock is behind."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = 0

    def see(self, time: int) -> None:
        """Note the time of a record."""
        self._seen = max(self._seen, time)

    def now(self) -> int:
        """Return the present, in log time."""
        return max(self._clock.now(), self._seen)


class Watcher:
    """Wakes claimers when the log has grown, if one of them is idle."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._patience = Patience(clock)
        self._wanted = asyncio.Event()
        self.claimers: list[Claimer] = []

    def want(self) -> None:
        """Somebody would like to be woken."""
        self._wanted.set()

    async def run(self) -> None:
        """Watch the log until cancelled."""
        seen = 0
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                reached = await self._store.log.wait(seen)
            except (StoreUnavailable, CommitUnknown) as error:
                _log.warning("the log cannot be watched: %s", error)
                reached = 0
            if not reached:
                self._wanted.set()
                await self._patience.wait()
                continue
            self._patience.reset()
            if self._is_ours(seen, reached):
                self._wanted.set()
            else:
                for claimer in self.claimers:
                    claimer.wake.set()
            seen = reached

    def _is_ours(self, seen: int, reached: int) -> bool:
        """Whether the log has only grown by what leaves nothing to claim, as far as memory tells.

        An event that somebody emits here, and the Step that begins what it caused, are such: looking for work at
        that moment would only be in their way.
        """
        if reached - seen > LOOKED_AT:
            return False
        known = self._store.log.known(seen, LOOKED_AT)
        return len(known) > 0 and known[-1].position >= reached and not leaves_open(known)


class Claimer:
    """Takes attempts of the tasks of one kind; never more than there are free slots, never in vain."""

    def __init__(
        self,
        store: Store,
        worker: str,
        tasks: Collection[str],
        slots: Slots,
        clock: Clock,
        defaults: Defaults,
        time: LogTime,
        want: Callable[[], None],
        begin: Callable[[Sequence[Claimed]], None],
    ) -> None:
        self.wake = asyncio.Event()
        self.claiming = False
        self._store = store
        self._worker = worker
        self._tasks = frozenset(tasks)
        self._slots = slots
        self._defaults = defaults
        self._time = time
        self._want = want
        self._begin = begin
        self._alarm = Alarm(clock, self.wake.set)
        self._patience = Patience(clock)
        self._more = False
        self._in_vain = 0
        self._closed = False
        slots.on_free = self.wake.set

    def close(self) -> None:
        """Claim no more; a claim under way comes back and is begun."""
        self._closed = True
        self.wake.set()

    async def run(self) -> None:
        """Claim until closed or cancelled."""
        try:
            while not self._closed:
                self.wake.clear()
                try:
                    again = await self._round()
                except (StoreUnavailable, CommitUnknown) as error:
                    _log.warning("no work can be claimed: %s", error)
                    await self._patience.wait(self.wake)
                    continue
                self._patience.reset()
                if not again:
                    await self.wake.wait()
        finally:
            self._alarm.clear()

    async def _round(self) -> bool:
        """Claim what is due, if there is a slot; return whether to go on at once."""
        if self._slots.free <= 0:
            return False
        if not self._more:
            self._want()
            due = await self._store.work.next_due(self._tasks)
            now = self._time.now()
            if due is not None and due > now:
                self._time.see((await self._store.log.head()).time)
                now = self._time.now()
            if due is None or due > now:
                self._in_vain = 0
                if due is not None:
                    self._alarm.set(due, now)
                return False
        wanted = self._slots.take(self._defaults.batch_records_max)
        if not wanted or self._closed:
            self._slots.give(wanted)
            return False
        return await self._claim(wanted)

    async def _claim(self, wanted: int) -> bool:
        claimed: Sequence[Claimed] = ()
        self.claiming = True
        try:
            claimed = await self._store.work.claim(self._worker, self._tasks, wanted, self._defaults.lease_seconds)
        finally:
            self.claiming = False
            # Even when nothing came of it, so that whoever waits for calm hears of it.
            self._begin(claimed)
            self._slots.give(wanted - len(claimed), ring=False)
        self._more = len(claimed) == wanted
        if claimed:
            self._in_vain = 0
            # The bodies that have begun have a turn: those that are quick give their slots to the next claim.
            await asyncio.sleep(0)
            return True
        # Due, and yet nothing was let: others were quicker, or the store's clock is behind.
        self._in_vain += 1
        pause = min(0.001 * 2**self._in_vain, self._defaults.poll_seconds)
        now = self._time.now()
        self._alarm.set(now + round(pause * SECOND), now)
        return False
