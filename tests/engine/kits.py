"""The whole engine with real parts, for claims about what it does: on the memory store, and on SQLite.

On memory time is virtual and a test may `advance` it; on SQLite it is real, with threads for sync tasks and for
user code.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ensue import Defaults, Engine, Task, Tasks
from ensue.running import Running
from ensue.testing import Kit, engine_for
from ensue.testing.virtual import VirtualTime
from ensue_core.durations import Duration, micros
from ensue_core.facts import Fact, TriggerFired
from ensue_core.records import Record
from ensue_core.values import decode

FactT = TypeVar("FactT", bound=Fact)

BRISK = Defaults(lease_seconds=2.0, heartbeat_seconds=0.5)
"""Numbers for real time: nobody waits long for anybody."""


class RealKit(Kit):
    """The test kit in real time."""

    def __init__(self, engine: Engine, running: Running) -> None:
        super().__init__(engine, VirtualTime(asyncio.get_running_loop(), 0), running)
        self._live = running

    async def settle(self, within: Duration = "20s") -> None:
        """Wait until no invocation is unfinished and everybody has read the log and rests."""
        before, quiet = -1, 0
        async with asyncio.timeout(micros(within) / 1e6):
            while quiet < 3:
                await asyncio.sleep(0.004)
                head = (await self.engine.store.log.head()).position
                at_rest = self._live.resting and self._has_read(head) and not await self.engine.store.work.queued()
                quiet = quiet + 1 if at_rest and head == before else 0
                before = head
        await self._read()

    def _has_read(self, head: int) -> bool:
        scheduler, projector = self._live.scheduler, self._live.projector
        folded = projector is None or projector.position == head
        if scheduler is None or (scheduler._state is not None and scheduler._state.row.paused):
            return folded
        return folded and scheduler._scan.position >= head

    async def advance(self, duration: Duration) -> None:
        """Real time does not advance when it is told to."""
        raise NotImplementedError("time is real here: write this test for the memory store")


class OpenKit(Protocol):
    """Opens an engine for some tasks; again with the same store where the first one is closed."""

    kind: str

    def __call__(self, *tasks: Tasks, **options: Any) -> AbstractAsyncContextManager[Kit]:
        """Open it; takes what `engine_for` takes, and `app_id`."""
        ...


class MemoryKits:
    """Kits on one store in memory, in virtual time."""

    kind = "memory"

    def __init__(self) -> None:
        self.url = f"memory:{uuid.uuid4().hex}"

    def __call__(self, *tasks: Tasks, **options: Any) -> AbstractAsyncContextManager[Kit]:
        """Open a kit."""
        return engine_for(*tasks, store=self.url, **options)


class RealKits:
    """Kits on one real store, in real time."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind, self.url = kind, url

    def __call__(self, *tasks: Tasks, **options: Any) -> AbstractAsyncContextManager[Kit]:
        """Open a kit."""
        return self._open(tasks, **options)

    @asynccontextmanager
    async def _open(
        self, tasks: Sequence[Tasks], *, defaults: Defaults = BRISK, service: str = "main", now: Any = None
    ) -> AsyncGenerator[Kit, None]:
        engine = Engine(self.url, tasks=tasks, app_id="test", service=service, defaults=defaults)
        async with engine:
            running = Running(engine, gather_seconds=0)
            await running.start()
            try:
                yield RealKit(engine, running)
            finally:
                await running.stop(0)


class SQLiteKits(RealKits):
    """Kits on one SQLite file."""

    def __init__(self, directory: Path) -> None:
        super().__init__("sqlite", f"sqlite:///{directory / 'log.db'}")


async def records(kit: Kit) -> list[Record]:
    """Return the whole log."""
    found: list[Record] = []
    while page := await kit.engine.store.log.read(len(found), 1_000):
        found += page
    return found


async def facts(kit: Kit, kind: type[FactT], where: Callable[[FactT], bool] = lambda fact: True) -> list[FactT]:
    """Return the facts of a kind, in order."""
    return [each.fact for each in await records(kit) if isinstance(each.fact, kind) and where(each.fact)]


async def fired(kit: Kit, task: Task[..., Any]) -> list[dict[str, Any]]:
    """Return the arguments of each run of a task's triggers, in the order of the log."""
    return [decode(each.arguments) for each in await facts(kit, TriggerFired) if each.task == task.name]
