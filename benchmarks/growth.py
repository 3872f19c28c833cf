"""What growing costs: latency and throughput with more records, more triggers, more waiting matches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks import programs
from benchmarks.figures import Figure, Run, median
from benchmarks.latency import of_one_process
from benchmarks.load import react
from benchmarks.waiting import views_folded
from ensue import Engine

LIMIT = 1.3


async def measure(run: Run, sizes: Sequence[int] = (10_000, 100_000, 1_000_000)) -> list[Figure]:
    """Measure the three series; each is compared with its own first point. `sizes` are numbers of records."""
    return [*await _records(run, sizes), *await _triggers(run), *await _waiting(run)]


async def _records(run: Run, sizes: Sequence[int]) -> list[Figure]:
    """One file that grows: events that nobody hears, with reactions among them."""
    figures = _Series("records")
    async with programs.pings(run.url("records")).running() as engine:
        for size in sizes if not run.quick else (1_000, 3_000):
            await _fill(engine, size)
            await figures.add(run, engine, size)
    return figures.figures


async def _triggers(run: Run) -> list[Figure]:
    """Programs of more and more triggers, each on a new file; their events come in turns."""
    figures = _Series("triggers")
    for size in (10, 500, 5_000) if not run.quick else (10, 50):
        async with programs.many(run.url(f"triggers-{size}"), size).running() as engine:
            await figures.add(run, engine, size, partial(_topic, size - 1))
    return figures.figures


def _topic(topics: int, number: int) -> str:
    """Return the event of a batch; neighbouring batches are heard by triggers far apart."""
    return f"topic.{number // 500 * 7 % topics}"


async def _waiting(run: Run) -> list[Figure]:
    """One file with more and more matches that wait for partners."""
    figures = _Series("waiting matches")
    waiting = 0
    async with programs.joins(run.url("waiting")).running() as engine:
        for size in (0, 5_000, 50_000) if not run.quick else (0, 500):
            while waiting < size:
                await engine.emit_many("left", [{"key": f"k{waiting + number}"} for number in range(500)])
                waiting += 500
            await views_folded(engine)
            await figures.add(run, engine, size)
    return figures.figures


class _Series:
    """The points of one series."""

    def __init__(self, of: str) -> None:
        self._of = of
        self._first: tuple[float, float] | None = None
        self.figures: list[Figure] = []

    async def add(
        self, run: Run, engine: Engine, size: int, event: Callable[[int], str] = lambda number: "ping"
    ) -> None:
        """Measure latency and throughput at a size; the first point is the others' peer."""
        count = run.pick(10_000, 100)
        await react(engine, count // 5, event)
        latency = median(await of_one_process(engine, run.pick(100, 3)))
        rates: list[float] = []
        for _ in range(run.pick(3, 1)):
            began = time.perf_counter()
            await react(engine, count, event)
            rates.append(count / (time.perf_counter() - began))
        rate = median(rates)
        name = f"{size:,} {self._of}"
        first = self._first
        if first is None:
            self._first = latency, rate
            self.figures += [
                Figure("growth", f"{name}: latency", latency, "ms"),
                Figure("growth", f"{name}: throughput", rate, "/s", better="more"),
            ]
            return
        self.figures += [
            Figure("growth", f"{name}: latency", latency, "ms", LIMIT, "less", "ratio", bare=first[0]),
            Figure("growth", f"{name}: throughput", rate, "/s", 1 / LIMIT, "more", "ratio", bare=first[1]),
        ]


async def _fill(engine: Engine, size: int) -> None:
    """Append events that nobody hears until the log holds so many records."""
    while (head := await engine.store.log.head()).position < size:
        count = min(1_000, size - head.position)
        await engine.emit_many("noise", [{"n": number} for number in range(count)])
    await views_folded(engine)
