"""200 events at once: from the first emit to the start of the last reaction."""

from __future__ import annotations

import asyncio
import time

from benchmarks import programs
from benchmarks.bare import commit_p50
from benchmarks.figures import Figure, Run, median
from ensue import Engine

EVENTS = 200


async def measure(run: Run) -> list[Figure]:
    """Measure several bursts, each on an idle engine."""
    bare = commit_p50(run.folder, run.pick(500, 20)) * 1_000
    async with programs.pings(run.url("burst")).running() as engine:
        took = [await _burst(engine) for _ in range(run.pick(15, 1))]
    return [
        Figure("burst", f"{EVENTS} events, last start, median", median(took), "ms", 150, bare=bare * EVENTS),
        Figure("burst", f"{EVENTS} events, last start, worst", max(took), "ms", 150),
    ]


async def _burst(engine: Engine) -> float:
    await asyncio.sleep(0.2)
    programs.starts.times.clear()
    began = time.monotonic_ns()
    async with asyncio.TaskGroup() as group:
        for number in range(EVENTS):
            group.create_task(engine.emit("ping", {"n": number}))
    await programs.starts.reach(EVENTS)
    return (max(programs.starts.times) - began) / 1e6
