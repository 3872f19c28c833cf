"""Scaling out: one scheduler's process, and 1, 2 or 4 processes of workers whose tasks take a while."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from benchmarks import programs
from benchmarks.figures import Figure, Run
from benchmarks.kafka import url_of
from benchmarks.load import react

PROCESSES = (1, 2, 4)


async def measure(run: Run) -> list[Figure]:
    """Measure each number of processes."""
    return [
        Figure("scale", f"workers in {number} processes", await _rate(run, number), "/s", better="more")
        for number in PROCESSES
    ]


async def _rate(run: Run, number: int) -> float:
    count, url = run.pick(20_000, 200), url_of(run, f"scale{number}")
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(programs.pings(url).running(only=("scheduler", "projectors")))
        for _ in range(number):
            await stack.enter_async_context(programs.elsewhere(url, "pings", ("worker",)))
        await react(engine, count // 10)
        began = time.perf_counter()
        await react(engine, count)
        return count / (time.perf_counter() - began)
