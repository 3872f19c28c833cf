"""From emit to the start of the reacting task, on an idle engine with default settings; as on SQLite.

Three layouts: all in one process; the engine in another process than the emitter; and the worker alone in one
more process, which has to claim what the scheduler's process decided.
"""

from __future__ import annotations

from benchmarks import programs
from benchmarks.figures import Figure, Run
from benchmarks.latency import PAUSE_SECONDS, figures_of, of_one_process, of_results
from benchmarks.postgres.bare import commit_p50
from benchmarks.postgres.databases import database


async def measure(run: Run) -> list[Figure]:
    """Measure all layouts, beside bare commits of the same client."""
    count = run.pick(300, 5)
    async with database(run.server, "bench_latency") as url:
        run = run.on(url)
        bare = await commit_p50(url, run.pick(100, 5), PAUSE_SECONDS) * 1_000
        async with programs.pings(run.url("one")).running() as engine:
            figures = figures_of("one process", await of_one_process(engine, count), bare, 2, 6)
        two = run.url("two")
        async with programs.pings(two) as client, programs.elsewhere(two, "pings"):
            figures += figures_of("engine elsewhere", await of_results(client, count), bare, 4, 10)
        three, roles = run.url("three"), ("scheduler", "projectors")
        async with (
            programs.pings(three).running(only=roles) as client,
            programs.elsewhere(three, "pings", ("worker",)),
        ):
            figures += figures_of("worker elsewhere", await of_results(client, count), bare, 4, 10)
    return figures
