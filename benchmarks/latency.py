"""From emit to the start of the reacting task, on an idle engine with default settings.

Three layouts: all in one process; the engine in another process than the emitter; and the worker alone in one
more process, which has to claim what the scheduler's process decided.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from benchmarks import programs
from benchmarks.bare import commit_p50
from benchmarks.figures import Figure, Run, percentile
from ensue import Engine
from ensue_core.facts import AttemptEnded

PAUSE_SECONDS = 0.05
"""Between two emits: everything that the last one caused is over by then."""


async def measure(run: Run) -> list[Figure]:
    """Measure all layouts."""
    count = run.pick(400, 5)
    figures: list[Figure] = []
    bare = [commit_p50(run.folder, run.pick(500, 20)) * 1_000]

    url = run.url("one")
    async with programs.pings(url).running() as engine:
        figures += figures_of("one process", await of_one_process(engine, count), bare[0], 2, 6)

    url = run.url("two")
    async with programs.pings(url) as client, programs.elsewhere(url, "pings"):
        figures += figures_of("engine elsewhere", await of_results(client, count), bare[0], 4, 12)

    url = run.url("three")
    roles = ("scheduler", "projectors")
    async with programs.pings(url).running(only=roles) as client, programs.elsewhere(url, "pings", ("worker",)):
        figures += figures_of("worker elsewhere", await of_results(client, count), bare[0], 4, 12)
    return figures


async def of_one_process(engine: Engine, count: int, event: str = "ping") -> list[float]:
    """Return milliseconds from emit to start where the task runs in this process."""
    took: list[float] = []
    for number in range(count + 3):
        await asyncio.sleep(PAUSE_SECONDS)
        starts = programs.starts
        before = len(starts.times)
        began = time.monotonic_ns()
        await engine.emit(event, {"n": number})
        await starts.reach(before + 1)
        took.append((starts.times[-1] - began) / 1e6)
    return took[3:]


async def of_results(client: Engine, count: int) -> list[float]:
    """Return milliseconds from emit to start, as the tasks' results tell."""
    began: list[int] = []
    for number in range(count + 3):
        await asyncio.sleep(PAUSE_SECONDS)
        began.append(time.monotonic_ns())
        await client.emit("ping", {"n": number})
    results: list[int] = []
    position = 0
    while len(results) < len(began):
        await client.store.log.wait(position, 1.0)
        for record in await client.store.log.read(position, 1_000):
            position = record.position
            if isinstance(record.fact, AttemptEnded):
                results.append(int(bytes(record.fact.result)))
    return [(started - said) / 1e6 for said, started in zip(began, results, strict=True)][3:]


def figures_of(layout: str, took: Sequence[float], bare: float, p50: float, p99: float) -> list[Figure]:
    """Return a layout's two figures."""
    return [
        Figure("latency", f"{layout}, p50", percentile(took, 0.5), "ms", p50, bare=bare),
        Figure("latency", f"{layout}, p99", percentile(took, 0.99), "ms", p99),
    ]
