"""Sustained reactions: event appended, matched, fired, executed, end appended, and in the query views.

Broker, views and engine share the machine's cores.
"""

from __future__ import annotations

import time

from benchmarks import programs
from benchmarks.figures import Figure, Run
from benchmarks.kafka import url_of
from benchmarks.load import react
from benchmarks.reactions import SLOTS


async def measure(run: Run) -> list[Figure]:
    """Measure all roles in one process."""
    count = run.pick(40_000, 500)
    async with programs.pings(url_of(run, "one")).running(async_slots=SLOTS) as engine:
        await react(engine, count // 10)
        cpu, began = time.process_time(), time.perf_counter()
        await react(engine, count)
        one, cost = count / (time.perf_counter() - began), (time.process_time() - cpu) / count
    async with programs.pings(url_of(run, "default")).running() as engine:
        await react(engine, count // 10)
        began = time.perf_counter()
        await react(engine, count)
        default = count / (time.perf_counter() - began)
    return [
        Figure("reactions", "all in one process", one, "/s", 6_000, "more", aim=10_000, note=f"{SLOTS:,} slots"),
        Figure("reactions", "processor time of one", cost * 1e6, "µs"),
        Figure("reactions", "with the default of 100 slots", default, "/s", better="more"),
    ]
