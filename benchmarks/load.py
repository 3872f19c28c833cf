"""A steady load: events in batches, as many under way as the bound allows, until every reaction has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from benchmarks.waiting import views_folded
from ensue import Engine
from ensue_core.facts import AttemptEnded

BATCH = 250
AHEAD = 3_000
"""How many unfinished reactions the emitter lets gather before it waits."""


async def react(engine: Engine, count: int, event: Callable[[int], str] = lambda number: "ping") -> None:
    """Emit events and wait until all they caused has ended and the query views have it."""
    ends = _Ends(engine, (await engine.store.log.head()).position)
    emitted = 0
    while emitted < count:
        size = min(BATCH, count - emitted)
        code = event(emitted)
        await engine.emit_many(code, [{"n": number} for number in range(emitted, emitted + size)])
        emitted += size
        await ends.reach(emitted - AHEAD)
    await ends.reach(count)
    await views_folded(engine)


class _Ends:
    """Counts the ends in the log; what this process has written costs no read."""

    def __init__(self, engine: Engine, position: int) -> None:
        self._log = engine.store.log
        self._position = position
        self._seen = 0

    async def reach(self, count: int) -> None:
        """Wait until so many reactions have ended."""
        while self._seen < count:
            if not await self._log.wait(self._position, 1.0):
                continue
            records = await self._log.read(self._position, 2_000)
            self._position = records[-1].position
            self._seen += sum(type(each.fact) is AttemptEnded for each in records)
            await asyncio.sleep(0.002)
