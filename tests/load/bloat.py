"""Full load for a while, and what it leaves: `python -m tests.load.bloat --seconds 600`.

Emits as fast as one engine reacts, a tenth of it through the intake, and looks every so often: dead rows and bytes of
the tables that change most, and how long an event waits for its reaction. Says the trend. Exits with 1 where dead rows
or latency of the last third are far above those of the first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

from ensue import Engine, Tasks, on_event
from tests.crash import orders
from tests.servers.postgres import DURABLE, binaries, local

if TYPE_CHECKING:
    from asyncpg import Connection

NAMESPACE = "load"
OPEN_MAX = 400
"""How many events may wait for their reaction: enough to keep the engine busy, few enough to tell latency."""

TABLES = ("work", "intake", "chains", "leases", "cursors", "waiting")
LOOK = """
SELECT relname, n_dead_tup, pg_total_relation_size(relid), autovacuum_count
FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = ANY($2::text[])
"""

FACTOR_MAX = 3.0
"""How much worse the last third may be than the first."""

DEAD_FEW = 20_000
"""Dead rows that are nothing to speak of."""


class Sample(NamedTuple):
    """What was seen in one window."""

    at: float
    reactions: int
    p50_ms: float
    p99_ms: float
    dead: dict[str, int]
    bytes: dict[str, int]
    vacuums: dict[str, int]


class Load:
    """Emits as fast as reactions come back, and times them."""

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.sent: dict[int, float] = {}
        self.waits: list[float] = []
        self.free = asyncio.Semaphore(OPEN_MAX)
        self._number = 0

        @self.tasks.task(triggers=on_event("go").with_args_from_event("n").named("go"))
        async def react(n: int) -> None:
            began = self.sent.pop(n, None)
            if began is not None:
                self.waits.append(time.monotonic() - began)
                self.free.release()

    async def _numbers(self, count: int) -> list[int]:
        for _ in range(count):
            await self.free.acquire()
        first, self._number = self._number, self._number + count
        numbers = list(range(first, first + count))
        self.sent.update(dict.fromkeys(numbers, time.monotonic()))
        return numbers

    async def emit(self, engine: Engine) -> None:
        """Emit directly."""
        while True:
            numbers = await self._numbers(20)
            await engine.emit_many("go", [{"n": number} for number in numbers])

    async def order(self, user: Connection[Any]) -> None:
        """Emit in a user's transactions."""
        while True:
            numbers = await self._numbers(2)
            await user.execute(
                "SELECT emit($1, 'go', '{\"n\":' || n || '}') FROM unnest($2::bigint[]) AS n", NAMESPACE, numbers
            )


async def run(url: str, seconds: float, window: float) -> list[Sample]:
    """Load one engine, and look at the end of each window."""
    load, samples = Load(), list[Sample]()
    async with Engine(url, tasks=[load.tasks], app_id=NAMESPACE) as engine, engine.running():
        user, looking = await orders.connect(url), await orders.connect(url)
        emitting = [asyncio.create_task(each) for each in (load.emit(engine), load.emit(engine), load.order(user))]
        began = time.monotonic()
        try:
            while time.monotonic() - began < seconds:
                load.waits.clear()
                await asyncio.sleep(window)
                samples.append(await _sample(looking, url, time.monotonic() - began, list(load.waits)))
        finally:
            for each in emitting:
                each.cancel()
            await asyncio.gather(*emitting, return_exceptions=True)
            user.terminate()
            looking.terminate()
    return samples


async def _sample(looking: Connection[Any], url: str, at: float, waits: Sequence[float]) -> Sample:
    rows = await looking.fetch(LOOK, url.rpartition("schema=")[2], list(TABLES))
    p99 = quantiles(waits, n=100)[98] if len(waits) > 1 else 0.0
    return Sample(
        round(at, 1),
        len(waits),
        round(median(waits) * 1000, 1) if waits else 0.0,
        round(p99 * 1000, 1),
        {row[0]: row[1] for row in rows},
        {row[0]: row[2] for row in rows},
        {row[0]: row[3] for row in rows},
    )


def trend(samples: Sequence[Sample]) -> tuple[list[str], dict[str, Any]]:
    """Compare the last third with the first; say what has grown too much, and the figures."""
    third = max(len(samples) // 3, 1)
    first, last = samples[:third], samples[-third:]
    figures: dict[str, Any] = {
        "reactions": sum(each.reactions for each in samples),
        "p50_ms": [median(each.p50_ms for each in some) for some in (first, last)],
        "p99_ms": [median(each.p99_ms for each in some) for some in (first, last)],
        "dead_max": {table: max(each.dead.get(table, 0) for each in samples) for table in TABLES},
        "dead_last": samples[-1].dead,
        "bytes_last": samples[-1].bytes,
        "vacuums": samples[-1].vacuums,
    }
    wrong = [
        f"{name} grew from {before} to {after}"
        for name, (before, after) in (("p50_ms", figures["p50_ms"]), ("p99_ms", figures["p99_ms"]))
        if after > FACTOR_MAX * max(before, 5.0)
    ]
    for table in TABLES:
        before, after = (max(each.dead.get(table, 0) for each in some) for some in (first, last))
        if after > max(FACTOR_MAX * before, DEAD_FEW):
            wrong.append(f"dead rows of {table} grew from {before} to {after}")
    return wrong, figures


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.bloat", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--window", type=float, default=10, help="seconds between two looks")
    parser.add_argument("--naptime", default="1min", help="how often autovacuum looks: the server's own default")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    said = parser.parse_args()
    with local(binaries(), (*DURABLE, f"autovacuum_naptime={said.naptime}")) as server:
        samples = asyncio.run(run(f"{server.url}?schema=load", said.seconds, said.window))
    wrong, figures = trend(samples)
    if said.json:
        print(json.dumps({"wrong": wrong, **figures, "samples": len(samples)}))
        return 1 if wrong else 0
    print(f"{'at s':>7} {'a second':>9} {'p50 ms':>7} {'p99 ms':>7}  dead rows of {', '.join(TABLES)}; MB; vacuums")
    for number, each in enumerate(samples):
        span = each.at - (samples[number - 1].at if number else 0.0)
        row = " ".join(f"{each.dead.get(table, 0):>7}" for table in TABLES)
        size, vacuums = sum(each.bytes.values()) / 1e6, sum(each.vacuums.values())
        rate = round(each.reactions / span)
        print(f"{each.at:>7} {rate:>9} {each.p50_ms:>7} {each.p99_ms:>7}  {row}  {size:>7.1f} {vacuums:>4}")
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print("\n".join(wrong) or "flat: neither latency nor dead rows grew")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
