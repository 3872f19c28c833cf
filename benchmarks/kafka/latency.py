"""From emit to the start of the reacting task, on an idle engine, beside one bare hop from producer to consumer."""

from __future__ import annotations

from benchmarks import programs
from benchmarks.figures import Figure, Run, median, percentile
from benchmarks.kafka import url_of
from benchmarks.kafka.bare import Bare
from benchmarks.latency import of_one_process, of_results


async def measure(run: Run) -> list[Figure]:
    """Measure one process, and an engine in another process than the emitter."""
    count = run.pick(400, 5)
    bare = Bare(run.server)
    await bare.open()
    hop = median(await bare.hops(run.pick(200, 10)))
    async with programs.pings(url_of(run, "one")).running() as engine:
        one = await of_one_process(engine, count)
    url = url_of(run, "two")
    async with programs.elsewhere(url, "pings"), programs.pings(url) as client:
        two = await of_results(client, count)
    await bare.close()
    return [
        Figure("latency", "bare hop, p50", hop, "ms"),
        Figure("latency", "one process, p50", percentile(one, 0.5), "ms", 5, of="ratio", bare=hop),
        Figure("latency", "one process, p99", percentile(one, 0.99), "ms", 20),
        Figure("latency", "engine elsewhere, p50", percentile(two, 0.5), "ms", bare=hop),
        Figure("latency", "engine elsewhere, p99", percentile(two, 0.99), "ms"),
    ]
