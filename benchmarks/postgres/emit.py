"""Emitting: one caller, 256 callers, and batches, each in turns with what the server does bare."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from benchmarks import programs
from benchmarks.figures import Figure, Run, median
from benchmarks.postgres.bare import Bare
from benchmarks.postgres.databases import connected, database
from ensue import Engine

BATCH = 1_000
CALLERS = 256


async def measure(run: Run) -> list[Figure]:
    """Measure a client that emits, beside single commits and COPY into a table like the log."""
    rounds, singles, batches = run.pick(5, 1), run.pick(500, 10), run.pick(20, 1)
    many = run.pick(30_000, CALLERS)
    found: dict[str, list[float]] = {name: [] for name in ("commit", "one", "callers", "copy", "many")}
    async with (
        database(run.server, "bench_emit") as url,
        connected(url) as connection,
        programs.pings(run.on(url).url("emit")) as engine,
    ):
        bare = Bare(connection)
        await bare.make()
        await _one_by_one(engine, singles)
        for _ in range(rounds):
            found["commit"].append(singles / sum(await bare.commit_singles(singles)))
            found["one"].append(await _rate(singles, lambda: _one_by_one(engine, singles)))
            found["callers"].append(await _rate(many, lambda: _by_callers(engine, many)))
            found["copy"].append(batches * BATCH / sum([await bare.copy(BATCH) for _ in range(batches)]))
            found["many"].append(await _rate(batches * BATCH, lambda: _in_batches(engine, batches)))
    rate = {name: median(rates) for name, rates in found.items()}
    return [
        Figure("emit", "one caller, beside a bare commit", rate["one"], "/s", better="more", bare=rate["commit"]),
        Figure("emit", f"{CALLERS} callers", rate["callers"], "/s", 30_000, "more", bare=rate["commit"]),
        Figure("emit", f"emit_many of {BATCH}, beside COPY", rate["many"], "/s", 80_000, "more", bare=rate["copy"]),
    ]


async def _rate(count: int, work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return count / (time.perf_counter() - began)


async def _one_by_one(engine: Engine, count: int) -> None:
    for number in range(count):
        await engine.emit("noise", {"n": number})


async def _in_batches(engine: Engine, batches: int) -> None:
    for _ in range(batches):
        await engine.emit_many("noise", [{"n": number} for number in range(BATCH)])


async def _by_callers(engine: Engine, count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(_one_by_one(engine, count // CALLERS))
