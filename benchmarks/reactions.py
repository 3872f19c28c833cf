"""Sustained reactions: event appended, matched, fired, executed, end appended, and in the query views."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks import programs
from benchmarks.bare import Bare
from benchmarks.figures import Figure, Run
from benchmarks.load import BATCH, react

SLOTS = 1_000
"""Bodies that may run at once: these do nothing, so the more start in a Step, the fewer are claimed later."""

RECORDS = 4
"""Records a reaction: event, firing, start, end."""


async def measure(run: Run) -> list[Figure]:
    """Measure all in one process, and with the worker in its own."""
    count = run.pick(60_000, 500)
    bare = _bare(run, count)
    url = run.url("one")
    async with programs.pings(url).running(async_slots=SLOTS) as engine:
        await react(engine, count // 10)
        queued, cpu, began = waited(), time.process_time(), time.perf_counter()
        await react(engine, count)
        one, cost = count / (time.perf_counter() - began), (time.process_time() - cpu) / count
        queued = (waited() - queued) / count
    url = run.url("two")
    roles = ("scheduler", "projectors")
    async with programs.pings(url).running(only=roles) as engine, programs.elsewhere(url, "pings", ("worker",)):
        await react(engine, count // 10)
        began = time.perf_counter()
        await react(engine, count)
        two = count / (time.perf_counter() - began)
    note = f"{SLOTS:,} slots; bare: {RECORDS} rows a reaction into the log alone, in batches of {BATCH}"
    url = run.url("default")
    async with programs.pings(url).running() as engine:
        await react(engine, count // 10)
        began = time.perf_counter()
        await react(engine, count)
        default = count / (time.perf_counter() - began)
    return [
        Figure("reactions", "all in one process", one, "/s", 8_000, "more", aim=15_000, bare=bare, note=note),
        Figure("reactions", "processor time of one", cost * 1e6, "µs"),
        Figure("reactions", "wait of one for a processor", queued * 1e6, "µs", note="what other load has taken"),
        Figure("reactions", "with the default of 100 slots", default, "/s", better="more", bare=bare),
        Figure("reactions", "worker in its own process", two, "/s", better="more", bare=bare),
    ]


def waited() -> float:
    """Return the seconds that this process's threads were ready to run and others ran; 0 where nobody counts."""
    try:
        threads = [each.read_text().split() for each in Path("/proc/self/task").glob("*/schedstat")]
    except OSError:
        return 0.0
    return sum(int(thread[1]) for thread in threads) / 1e9


def _bare(run: Run, count: int) -> float:
    bare = Bare(run.folder / "bare.db")
    rounds = max(count * RECORDS // BATCH // 4, 1)
    seconds = sum(bare.commit_batch(BATCH) for _ in range(rounds))
    bare.close()
    return rounds * BATCH / seconds / RECORDS
