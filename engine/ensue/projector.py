"""The projector's loop: reads pages of the log, folds them, and writes query rows with the cursor.

Any number may run: the cursor moves by compare-and-set, a loser reads it again. A lease only saves work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, cast

from ensue_core.clock import Clock
from ensue_core.defaults import Defaults
from ensue_core.errors import EnsueError, HistoryLost, StoreError
from ensue_core.ids import Id
from ensue_core.ports import Cursor, RowKey, RowTable, Store
from ensue_core.records import Record
from ensue_core.rows import AttemptRow, InvocationRow, QueryRow
from ensue_projections.queries import PROJECTION, VERSION, QueryFold
from ensue_projections.touched import Touched

logger = logging.getLogger("ensue.projector")

Rows = dict[RowTable, dict[RowKey, QueryRow]]
"""Rows by table and key."""

GATHER_SECONDS = 0.2
"""How long a page gathers. Who asks a question has what is missing folded first, so nobody sees this delay, and
what changes twice meanwhile is written once."""

PART_RECORDS_MAX = 500
"""How many records are folded before others have the event loop."""

KEPT_ROWS_MAX = 50_000
"""How many rows a projector remembers between pages, so that it need not load what it has just written."""

_KEPT: tuple[RowTable, ...] = ("events", "invocations", "attempts", "trigger_stats", "schedules")
"""The tables whose rows later records change."""

_ENDING: tuple[RowTable, ...] = ("invocations", "attempts")
"""The tables whose rows come to an end."""

_LEASE = f"projector/{PROJECTION}"


class _Page(NamedTuple):
    """A page as it is to be written."""

    end: int
    changed: Rows


class Projector:
    """Folds the log into the query views until it is cancelled."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        defaults: Defaults,
        *,
        process: str,
        gather_seconds: float = GATHER_SECONDS,
        part_records: int | None = None,
    ) -> None:
        self._store, self._clock, self._defaults, self._process = store, clock, defaults, process
        self._gather, self._part_records = gather_seconds, part_records
        self._fold = QueryFold()
        self._kept: Rows = {}
        self._written: Rows = {}
        self.position: int | None = None
        """How far the views have folded; None before the first look."""
        self.resting = False

    async def run(self) -> None:
        """Follow the log. A store that is away is waited for."""
        pause = 0.05
        try:
            while True:
                try:
                    if await self._store.leases.hold(_LEASE, self._process, "", self._defaults.lease_seconds):
                        await self._follow()
                    else:
                        self.position, self._kept = None, {}
                        self.resting = True
                        await self._clock.sleep(self._defaults.lease_seconds / 3)
                        self.resting = False
                    pause = 0.05
                except HistoryLost:
                    raise
                except StoreError as error:
                    logger.warning("projector: %s; trying again in %.2g s", error, pause)
                    self.position, self._kept = None, {}
                    await self._clock.sleep(pause)
                    pause = min(pause * 2, 5.0)
        finally:
            with contextlib.suppress(EnsueError):
                await self._store.leases.release(_LEASE, self._process)

    async def _follow(self) -> None:
        """Fold until the lease is due for renewal."""
        until = self._clock.monotonic() + self._defaults.lease_seconds / 3
        while self._clock.monotonic() < until:
            if await self.page() >= self._store.views.page_records_max or self.position is None:
                continue
            self.resting = True
            grown = await self._store.log.wait(self.position, max(until - self._clock.monotonic(), 0.01))
            self.resting = False
            if grown:
                await self._clock.sleep(self._gather)

    async def page(self) -> int:
        """Fold one page and return how many records it has; 0 where the views are up to date."""
        if self.position is None:
            self.position = await self._store.views.cursor(PROJECTION, VERSION)
        records = await self._store.log.read(self.position, self._store.views.page_records_max)
        if not records:
            return 0
        changed = await self._changed(records)
        before = Cursor(PROJECTION, VERSION, self.position)
        if await self._store.views.project(before, changed, records[-1].position):
            self.position = records[-1].position
            self._keep(changed)
        else:
            self.position, self._kept = None, {}
        return len(records)

    async def pages(self, told: Callable[[], Awaitable[None]]) -> None:
        """Fold all there is: while one page is written, the next one is read and folded. `told` is awaited after each.

        For a replay: a projector that follows the log has nothing to read ahead.
        """
        ready: _Page | Exception | None = None
        while True:
            if self.position is None:
                self.position = await self._store.views.cursor(PROJECTION, VERSION)
                ready = None
            ready = ready or await self._ahead(self.position)
            if isinstance(ready, Exception):
                raise ready
            if ready is None:
                return
            page, before = ready, Cursor(PROJECTION, VERSION, self.position)
            self._written = page.changed
            try:
                async with asyncio.TaskGroup() as group:
                    writing = group.create_task(self._store.views.project(before, page.changed, page.end))
                    reading = group.create_task(self._ahead(page.end))
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None
            finally:
                self._written = {}
            if writing.result():
                self.position, ready = page.end, reading.result()
                self._keep(page.changed)
            else:
                self.position, self._kept = None, {}
            await told()

    async def _ahead(self, after: int) -> _Page | Exception | None:
        """Return the page past a position, folded; an error is given back, so that what is being written is so."""
        try:
            records = await self._store.log.read(after, self._store.views.page_records_max)
            return _Page(records[-1].position, await self._changed(records)) if records else None
        except Exception as error:
            return error

    async def _changed(self, records: Sequence[Record]) -> Rows:
        """Return the rows that a page makes or changes, folded in parts so that the loop turns meanwhile."""
        changed: Rows = {}
        size = self._part_records or PART_RECORDS_MAX
        for start in range(0, len(records), size):
            part = records[start : start + size]
            rows = await self._rows(self._fold.touched(part), changed)
            for table, some in self._fold.fold(part, rows).items():
                changed.setdefault(table, {}).update(some)
            await asyncio.sleep(0)
        return changed

    async def _rows(self, touched: Touched, changed: Rows) -> Rows:
        """Return the rows a part may change: changed by this page, remembered, and the rest from the store."""
        rows: Rows = {}
        for table, keys in touched.keys.items():
            found: dict[RowKey, QueryRow] = {}
            for newest in (changed.get(table), self._written.get(table), self._kept.get(table)):
                if newest:
                    found |= {key: newest[key] for key in keys if key in newest}
                    keys = keys - found.keys() if found else keys
            if keys:
                found |= await self._store.views.load(table, keys)
            rows[table] = found
        await self._family_rows(touched, changed, rows)
        return rows

    async def _family_rows(self, touched: Touched, changed: Rows, rows: Rows) -> None:
        """Add the rows whose keys only begin as is known."""
        views = self._store.views
        for (invocation,) in touched.families.get("attempts", ()):
            for row in await views.attempts(Id(str(invocation))):
                rows.setdefault("attempts", {})[row.invocation, row.attempt] = row
            for key, newer in (*self._written.get("attempts", {}).items(), *changed.get("attempts", {}).items()):
                if key[0] == invocation:
                    rows.setdefault("attempts", {})[key] = newer
        beginnings = touched.families.get("schedules", ())
        if beginnings:
            for schedule in await views.schedules():
                key = (schedule.service, schedule.trigger, schedule.condition)
                if key[:2] in beginnings:
                    rows.setdefault("schedules", {})[key] = schedule
            for key, newer in (*self._written.get("schedules", {}).items(), *changed.get("schedules", {}).items()):
                if key[:2] in beginnings:
                    rows.setdefault("schedules", {})[key] = newer

    def _keep(self, changed: Rows) -> None:
        for table in _KEPT:
            rows = changed.get(table)
            if not rows:
                continue
            kept = self._kept.setdefault(table, {})
            kept.update(rows)
            if table in _ENDING:
                for key, row in cast("dict[RowKey, InvocationRow | AttemptRow]", rows).items():
                    if row.ended:
                        del kept[key]  # no later record changes it
            if len(kept) > KEPT_ROWS_MAX:
                for key in list(kept)[: len(kept) // 2]:
                    del kept[key]


async def catch_up(store: Store, defaults: Defaults) -> int:
    """Fold everything there is, without a lease; return the position reached. For tools and tests."""
    projector = Projector(store, store.clock, defaults, process="catch-up", gather_seconds=0)
    while await projector.page():
        pass
    assert projector.position is not None
    return projector.position
