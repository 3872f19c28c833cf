"""The programs that are measured: tasks that do nothing, with the triggers that start them.

`python -m benchmarks.programs URL PROGRAM ROLES` runs one in a process of its own until its input ends.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from ensue import Engine, on_event
from ensue_adapters.cli.process import loop_factory, settle_in


class Starts:
    """When bodies of this process started, by the machine's monotonic clock, in nanoseconds."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self._enough = asyncio.Event()
        self._wanted = 0

    def note(self) -> int:
        """A body starts now."""
        now = time.monotonic_ns()
        self.times.append(now)
        if len(self.times) >= self._wanted:
            self._enough.set()
        return now

    async def reach(self, count: int) -> None:
        """Wait until so many bodies have started."""
        self._wanted = count
        self._enough.clear()
        if len(self.times) < count:
            await self._enough.wait()


starts = Starts()


def pings(url: str) -> Engine:
    """One task, which reacts to each "ping" and says when it started."""
    engine = Engine(url, app_id="bench", service="main")

    @engine.task(name="react", triggers=on_event("ping").with_args_from_event("n"))
    async def react(n: int) -> int:
        return starts.note()

    return engine


def many(url: str, triggers: int) -> Engine:
    """As `pings`, and as many triggers as are asked for, each on an event of its own."""
    engine = pings(url)

    async def follow(n: int) -> int:
        starts.note()
        return n

    for number in range(triggers - 1):
        on = on_event(f"topic.{number}").with_args_from_event("n")
        engine.task(name=f"follow_{number}", triggers=on)(_copy(follow, number))
    return engine


def joins(url: str) -> Engine:
    """As `pings`, and a task that joins "left" with "right" by their keys."""
    engine = pings(url)
    both = on_event("left").by("key") & on_event("right").by("key")

    @engine.task(name="joined", triggers=both.with_args_static({"n": 0}))
    async def joined(n: int) -> int:
        starts.note()
        return n

    return engine


PROGRAMS: dict[str, Callable[[str], Engine]] = {"pings": pings, "joins": joins}


def _copy(function: Callable[[int], Any], number: int) -> Callable[[int], Any]:
    """A task's function must be one of its own."""

    async def follow(n: int) -> Any:
        return await function(n)

    follow.__qualname__ = f"follow_{number}"
    return follow


@asynccontextmanager
async def elsewhere(url: str, program: str, roles: Sequence[str] = ()) -> AsyncGenerator[None, None]:
    """Run a program's roles in another process while the block runs."""
    arguments = ("-m", "benchmarks.programs", url, program, *roles)
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        if await child.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{' '.join(arguments)} did not start")
        yield
    finally:
        child.stdin.close()
        with suppress(ProcessLookupError):
            await asyncio.wait_for(child.wait(), 60)


async def _serve(url: str, program: str, roles: Sequence[str]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    options: dict[str, Any] = {"only": roles} if roles else {}
    engine = PROGRAMS[program](url)
    await engine.serve(**options, stop=stop, ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    settle_in()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(sys.argv[1], sys.argv[2], sys.argv[3:]))
