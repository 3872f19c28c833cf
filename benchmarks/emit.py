"""Emitting: one caller, many callers, and batches, each in turns with its bare peer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from benchmarks import programs
from benchmarks.bare import Bare
from benchmarks.figures import Figure, Run, median
from ensue import Engine

BATCH = 500
CALLERS = 64


async def measure(run: Run) -> list[Figure]:
    """Measure a client that emits, beside bare commits of the same rows."""
    rounds, singles, batches = run.pick(11, 1), run.pick(300, 10), run.pick(20, 1)
    bare = Bare(run.folder / "bare.db")
    bare_one: list[float] = []
    bare_many: list[float] = []
    one: list[float] = []
    callers: list[float] = []
    many: list[float] = []
    async with programs.pings(run.url("emit")) as engine:
        for _ in range(rounds):
            bare_one.append(singles / sum(bare.commit_singles(singles)))
            one.append(await _rate(singles, lambda: _one_by_one(engine, singles)))
            bare_many.append(batches * BATCH / sum(bare.commit_batch(BATCH) for _ in range(batches)))
            many.append(await _rate(batches * BATCH, lambda: _in_batches(engine, batches)))
            callers.append(await _rate(singles * 10, lambda: _by_callers(engine, singles * 10)))
    bare.close()
    return [
        Figure("emit", "one caller", median(one), "/s", 0.6, "more", "ratio", bare=median(bare_one)),
        Figure("emit", f"{CALLERS} callers", median(callers), "/s", bare=median(bare_one), better="more"),
        Figure("emit", f"emit_many of {BATCH}", median(many), "/s", 0.4, "more", "ratio", bare=median(bare_many)),
    ]


async def _rate(count: int, work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return count / (time.perf_counter() - began)


async def _one_by_one(engine: Engine, count: int) -> None:
    for number in range(count):
        await engine.emit("ping", {"n": number})


async def _in_batches(engine: Engine, batches: int) -> None:
    for _ in range(batches):
        await engine.emit_many("ping", [{"n": number} for number in range(BATCH)])


async def _by_callers(engine: Engine, count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(_one_by_one(engine, count // CALLERS))
