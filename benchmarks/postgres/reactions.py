"""Sustained reactions: event appended, matched, fired, executed, end appended, and in the query views.

Three layouts on the same two cores as the server: all in one process; the projector in a process of its own; the
emitter apart from an engine with every role.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks import programs
from benchmarks.figures import Figure, Run
from benchmarks.load import react
from benchmarks.postgres.databases import database


async def measure(run: Run) -> list[Figure]:
    """Measure the layouts, and what a reaction costs the processors."""
    figures: list[Figure] = []
    async with database(run.server, "bench_reactions") as url:
        run = run.on(url)
        for layout in ("one process", "projector apart", "emitter apart"):
            rate, python, postgres = await _layout(run, layout)
            figures += [
                Figure("reactions", layout, rate, "/s", 5_000, "more", aim=10_000),
                Figure("reactions", f"{layout}: processor time of one in this process", python * 1e6, "µs"),
                Figure("reactions", f"{layout}: processor time of one in the server", postgres * 1e6, "µs"),
            ]
    return figures


async def _layout(run: Run, layout: str) -> tuple[float, float, float]:
    """Return reactions a second, and seconds of processor time of one, here and in the server."""
    count = run.pick(40_000, 500)
    url = run.url(layout.replace(" ", "_"))
    async with AsyncExitStack() as stack:
        if layout == "one process":
            engine = await stack.enter_async_context(programs.pings(url).running())
        elif layout == "projector apart":
            engine = await stack.enter_async_context(programs.pings(url).running(only=("scheduler", "worker")))
            await stack.enter_async_context(programs.elsewhere(url, "pings", ("projectors",)))
        else:
            engine = await stack.enter_async_context(programs.pings(url))
            await stack.enter_async_context(programs.elsewhere(url, "pings"))
        await react(engine, count // 10)
        cpu, server, began = time.process_time(), server_seconds(), time.perf_counter()
        await react(engine, count)
        took = time.perf_counter() - began
        return count / took, (time.process_time() - cpu) / count, (server_seconds() - server) / count


def server_seconds() -> float:
    """Return the processor time of every Postgres process of this machine; 0 where nobody counts it."""
    nanoseconds = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text() == "postgres\n":
                nanoseconds += int((process / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return nanoseconds / 1e9
