"""The horizon: how far time has passed for every line that is read, and how it is brought on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ensue_adapters.broker.lines import Lines
from ensue_adapters.broker.outbox import Outbox
from ensue_adapters.broker.views import Folded, FoldedViews, Stored

MARK_EVERY_SECONDS = 0.05
"""How often time is marked at most: a broker's clock may be behind, and a busy log brings time on by itself."""


class Horizon:
    """What this process knows of it. Time is marked in every line at once, by one at a time."""

    def __init__(self, views: FoldedViews, outbox: Outbox, lines: Lines, folds: Callable[[], bool]) -> None:
        self._views, self._outbox, self._lines, self._folds = views, outbox, lines, folds
        self._stored = Stored()
        self._marking: asyncio.Task[None] | None = None
        self._marked_at = 0.0

    def folded(self, folded: Folded) -> None:
        """Know what was just folded here."""
        self._stored = folded.stored

    async def at(self, position: int, until: int) -> int:
        """Return the horizon at a position; where it is before `until`, mark time in every line first."""
        found = await self._at(position)
        loop = asyncio.get_running_loop()
        if found >= until or loop.time() < self._marked_at + MARK_EVERY_SECONDS:
            return found
        if self._marking is None:
            self._marking = asyncio.create_task(self._mark(), name="ensue-kafka-time")
            self._marking.add_done_callback(self._marked)
        await asyncio.shield(self._marking)
        return await self._at(position)

    async def _at(self, position: int) -> int:
        """Return what is known: from memory where this process folds, else from the views."""
        stored = self._stored
        if not self._folds() or position < stored.position or stored.version == 0:
            stored = await self._views.stored()
        if position >= stored.position:
            return stored.order.horizon
        return await self._views.horizon_at(position)

    async def _mark(self) -> None:
        """Append to every line, and wait until all of it is folded: whatever was there before it is, too."""
        await asyncio.gather(*(self._outbox.touch(line) for line in self._lines.sides()))

    def _marked(self, task: asyncio.Task[None]) -> None:
        self._marking = None
        self._marked_at = task.get_loop().time()
        if not task.cancelled():
            task.exception()  # seen: whoever waits sees it too

    async def close(self) -> None:
        """Mark no more."""
        if self._marking is not None:
            self._marking.cancel()
            await asyncio.gather(self._marking, return_exceptions=True)
