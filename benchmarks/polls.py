"""What a thousand polls cost that have nothing to say."""

from __future__ import annotations

import asyncio
import sys
import time
import types
from typing import Any

from benchmarks.figures import Figure, Run
from ensue import Engine, Tasks, on_poll

POLLS = 1_000


async def measure(run: Run) -> list[Figure]:
    """Measure the processor time of all roles at rest, while polls are asked every five seconds."""
    figures: list[Figure] = []
    for kind in ("async", "sync"):
        asked = [0]
        engine = Engine(run.url(f"polls-{kind}"), tasks=[_polling(kind, asked)], app_id="bench", service="main")
        async with engine.running():
            await asyncio.sleep(run.pick(60, 2) / 10)
            before, cpu, wall = asked[0], time.process_time(), time.monotonic()
            await asyncio.sleep(run.pick(200, 10) / 10)
            share = (time.process_time() - cpu) / (time.monotonic() - wall)
            rate = (asked[0] - before) / (time.monotonic() - wall)
        name = f"{POLLS} {kind} polls every 5 s, all roles"
        figures.append(Figure("polls", name, share * 100, "% of a core", 2, note=f"{rate:.0f} asked a second"))
    return figures


def _polling(kind: str, asked: list[int]) -> Tasks:
    """Return tasks that each react to a function of their own, in a module of their own."""
    tasks = Tasks()
    module: Any = sys.modules.setdefault("benchmarks_polled", types.ModuleType("benchmarks_polled"))
    for number in range(POLLS):
        name = f"{kind}_{number}"

        async def waits() -> bool:
            asked[0] += 1
            return False

        def blocks() -> bool:
            asked[0] += 1
            return False

        async def react() -> None: ...

        function: Any = waits if kind == "async" else blocks
        function.__module__, function.__name__, function.__qualname__ = "benchmarks_polled", name, name
        setattr(module, name, function)
        tasks.task(name=name, triggers=on_poll(function, every="5s"))(react)
    return tasks
