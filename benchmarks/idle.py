"""What an engine costs that has nothing to do."""

from __future__ import annotations

import asyncio
import time

from benchmarks import programs
from benchmarks.figures import Figure, Run


async def measure(run: Run) -> list[Figure]:
    """Measure the processor time of all roles at rest."""
    async with programs.pings(run.url("idle")).running() as engine:
        await engine.emit("ping", {"n": 0})
        await asyncio.sleep(run.pick(20, 2) / 10)
        cpu, wall = time.process_time(), time.monotonic()
        await asyncio.sleep(run.pick(200, 3) / 10)
        share = (time.process_time() - cpu) / (time.monotonic() - wall)
    return [Figure("idle", "all roles at rest", share * 100, "% of a core", 2)]
