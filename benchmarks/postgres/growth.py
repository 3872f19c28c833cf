"""What growing costs: latency and throughput with more records, more triggers, more waiting matches; as on SQLite."""

from __future__ import annotations

from benchmarks import growth
from benchmarks.figures import Figure, Run
from benchmarks.postgres.databases import database

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)


async def measure(run: Run) -> list[Figure]:
    """Measure the three series; each is compared with its own first point."""
    async with database(run.server, "bench_growth") as url:
        return await growth.measure(run.on(url), SIZES)
