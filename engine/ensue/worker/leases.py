"""The heartbeat that keeps leases while the loop turns, and the reaper of those that nobody kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from ensue.worker.ends import lost_end, reaped_end
from ensue_core.clock import Clock
from ensue_core.defaults import Defaults
from ensue_core.errors import CommitUnknown, StoreUnavailable
from ensue_core.ids import Id
from ensue_core.ports import Store

Held = tuple[Id, int]
_log = logging.getLogger("ensue.worker")


class Heartbeat:
    """Renews leases from the loop itself, so that a loop that hangs loses them.

    Bodies younger than a beat are left alone: most are done before they would need it.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        defaults: Defaults,
        worker: str,
        held: Callable[[float], Sequence[Held]],
        lost: Callable[[Held], None],
    ) -> None:
        self.some = asyncio.Event()
        """Set when something runs."""
        self._store = store
        self._clock = clock
        self._lease = defaults.lease_seconds
        self._beat = min(defaults.heartbeat_seconds / 5, defaults.lease_seconds / 3)
        self._worker = worker
        self._held = held
        self._lost = lost

    async def run(self) -> None:
        """Beat until cancelled; while nothing runs, rest."""
        while True:
            await self.some.wait()
            self.some.clear()
            await self._clock.sleep(self._beat)
            held = self._held(self._clock.monotonic() - self._beat)
            if not held:
                continue
            self.some.set()
            try:
                answers = await self._store.work.renew(self._worker, held, self._lease)
            except (StoreUnavailable, CommitUnknown) as error:
                # Nobody else can take the work either, while the store is away from all.
                _log.warning("%d leases cannot be renewed: %s", len(held), error)
                continue
            for each, kept in zip(held, answers, strict=True):
                if not kept:
                    self._lost(each)


class Reaper:
    """Ends attempts whose lease has run out: LOST, or FAILED after too many such ends."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        defaults: Defaults,
        worker: str,
        now: Callable[[], int],
        ours: Callable[[Held], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._defaults = defaults
        self._worker = worker
        self._now = now
        self._ours = ours

    async def run(self) -> None:
        """Reap until cancelled. What cannot be reaped now is found again."""
        period = self._defaults.lease_seconds / 15  # lost work is retaken within the lease and a fifteenth
        while True:
            await self._clock.sleep(period)
            try:
                while await self.reap():
                    pass
            except (StoreUnavailable, CommitUnknown) as error:
                _log.warning("lost attempts cannot be reaped: %s", error)

    async def reap(self) -> bool:
        """End one batch of lost attempts; return whether there may be more.

        This worker's own are left to its heartbeat: if the loop reaps, the loop turns again.
        """
        limit = self._defaults.batch_records_max
        rows = await self._store.work.expired(limit)
        lost = [row for row in rows if not self._ours((row.invocation, row.attempt))]
        if not lost:
            return False
        crashes_max, now = self._defaults.crashes_before_quarantine, self._now()
        ends = [reaped_end(row, lost_end(row, crashes_max, now, self._worker)) for row in lost]
        answers = await self._store.work.finish(ends)
        for row, effective in zip(lost, answers, strict=True):
            if effective:
                _log.warning("attempt %d of %s (%s) was lost", row.attempt, row.task, row.invocation)
        return len(rows) == limit and any(answers)
