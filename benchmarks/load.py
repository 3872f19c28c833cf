"""A steady load: events in batches, as many under way as the bound allows, until every reaction has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from benchmarks.waiting import views_folded
from ensue import Engine

BATCH = 500
AHEAD = 10_000
"""How many unfinished reactions the emitter lets gather before it waits."""


async def react(engine: Engine, count: int, event: Callable[[int], str] = lambda number: "ping") -> None:
    """Emit events and wait until all they caused has ended and the query views have it."""
    ended = await _settled(engine)
    emitted = 0
    while emitted < count:
        size = min(BATCH, count - emitted)
        code = event(emitted)
        await engine.emit_many(code, [{"n": number} for number in range(emitted, emitted + size)])
        emitted += size
        while emitted - (await _settled(engine) - ended) > AHEAD:
            await asyncio.sleep(0.01)
    while await _settled(engine) - ended < count:
        await asyncio.sleep(0.01)
    await views_folded(engine)


async def _settled(engine: Engine) -> int:
    """Return how many runs have fired and are over."""
    stats = await engine.store.views.trigger_stats()
    return sum(each.fired for each in stats) - await engine.store.work.queued()
