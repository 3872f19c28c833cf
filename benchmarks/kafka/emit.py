"""Appending: events into the log, durable, judged and in the views, in turns with a bare producer and consumer."""

from __future__ import annotations

import asyncio
import time

from benchmarks import programs
from benchmarks.figures import Figure, Run, median
from benchmarks.kafka import url_of
from benchmarks.kafka.bare import Bare
from ensue import Engine

BATCH = 500
CALLERS = 16
TUNED_BYTES = 1 << 20
PAYLOAD = {"n": 1, "text": "x" * 160}
"""With code, id and envelope a record of about 300 bytes, as the bare ones are."""


async def measure(run: Run) -> list[Figure]:
    """Measure a client that emits."""
    rounds, count, singles = run.pick(5, 1), run.pick(30_000, 1_000), run.pick(300, 10)
    bare, tuned = Bare(run.server), Bare(run.server, TUNED_BYTES)
    await bare.open()
    await tuned.open()
    largest: list[float] = []
    produced: list[float] = []
    consumed: list[float] = []
    many: list[float] = []
    one: list[float] = []
    async with programs.pings(url_of(run, "emit")) as engine:
        for _ in range(rounds):
            produced.append(count / await bare.produce(count))
            consumed.append(count / await bare.consume(count))
            largest.append(count / await tuned.produce(count))
            many.append(await _in_batches(engine, count))
            one.append(await _one_by_one(engine, singles))
    await bare.close()
    await tuned.close()
    name = f"emit_many of {BATCH}, {CALLERS} callers"
    return [
        Figure("emit", name, median(many), "/s", 0.6, "more", "ratio", bare=median(produced)),
        Figure("emit", "one caller", median(one), "/s", better="more"),
        Figure("emit", "bare producer", median(produced), "/s", better="more"),
        Figure("emit", "bare producer, batches of 1 MiB", median(largest), "/s", better="more"),
        Figure("emit", "bare consumer", median(consumed), "/s", better="more"),
    ]


async def _in_batches(engine: Engine, count: int) -> float:
    began = time.perf_counter()

    async def call(batches: int) -> None:
        for _ in range(batches):
            await engine.emit_many("ping", [PAYLOAD] * BATCH)

    batches = max(count // BATCH // CALLERS, 1)
    await asyncio.gather(*(call(batches) for _ in range(CALLERS)))
    return batches * BATCH * CALLERS / (time.perf_counter() - began)


async def _one_by_one(engine: Engine, count: int) -> float:
    began = time.perf_counter()
    for number in range(count):
        await engine.emit("ping", {"n": number})
    return count / (time.perf_counter() - began)
