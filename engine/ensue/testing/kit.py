"""The test kit: a program's triggers and tasks on a store in memory, in virtual time.

```python
async def test_digest() -> None:
    async with engine_for(tasks, now="2026-01-01T00:00Z") as t:
        await t.emit(feed_updated, Feed("rss", 8))
        await t.settle()
        assert t.ran(generate_digest) == [{}]
        await t.advance("1d")
        assert len(t.ran(archive_old_content)) == 1
```
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from ensue.engine import Engine
from ensue.events import Event
from ensue.handles import Emitted, Handle
from ensue.offload import Offload, Threads
from ensue.resources import Resource
from ensue.running import Role, Running
from ensue.scheduler.asking import InlineAsker
from ensue.tasks import Task, Tasks
from ensue.testing.virtual import VirtualTime
from ensue_core.clock import from_datetime, to_datetime
from ensue_core.defaults import Defaults
from ensue_core.durations import Duration, micros
from ensue_core.errors import WaitTimeout
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionFailed,
    DepthExceeded,
    EventEmitted,
    InvocationCreated,
    RunFailed,
    TriggerFired,
)
from ensue_core.ids import Id
from ensue_core.records import Record
from ensue_core.values import Json, decode

__all__ = ["Kit", "engine_for"]

T = TypeVar("T")
R = TypeVar("R")

QUIET = Defaults(lease_seconds=1e7, heartbeat_seconds=1e6, poll_seconds=1e6)
"""The defaults of the kit: nobody else is there to be watched, so leases need no beating."""


_ROLES: tuple[Role, ...] = ("scheduler", "projectors", "worker")
"""No ingester: a test emits what topics would bring."""


class _Counted:
    """Threads, with a count of what runs in them."""

    def __init__(self) -> None:
        self._threads: Offload = Threads("ensue-test")
        self.running = 0

    async def run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        self.running += 1
        try:
            return await self._threads.run(function, *args, **kwargs)
        finally:
            self.running -= 1

    def close(self) -> None:
        self._threads.close()


class Kit:
    """An engine under test. Time stands still but for `settle` and `advance`."""

    def __init__(self, engine: Engine, time: VirtualTime, running: Running) -> None:
        self.engine = engine
        """The engine, opened, its roles running."""
        self._time, self._running = time, running
        self._records: list[Record] = []

    @property
    def now(self) -> datetime:
        """The virtual time."""
        return to_datetime(self._time.now())

    async def emit(self, event: Event[T] | str, payload: Any = None, *, idempotency_key: str | None = None) -> Emitted:
        """Emit an event; nothing reacts before `settle` or `advance`."""
        return await self.engine.emit(event, payload, idempotency_key=idempotency_key)

    async def submit(self, task: Task[..., R], /, *args: Any, **kwargs: Any) -> Handle[R]:
        """Submit a task."""
        return await self.engine.submit(task, *args, **kwargs)

    async def settle(self, within: Duration = "1h") -> None:
        """Let everything run until no invocation is unfinished and nothing is left to decide.

        Sleeps, timeouts and retries of tasks take their virtual time, so schedules that come due meanwhile
        tick. Raises `WaitTimeout` where `within` of virtual time is not enough.
        """
        until = self._time.time + micros(within) / 1e6
        while True:
            await self._time.calm()
            if not await self.engine.store.work.queued() and self._running.resting:
                break
            following = self._time.next_timer()
            if following is None or following > until:
                await self._read()
                raise WaitTimeout(f"not settled within {within} of virtual time: {self._unfinished()}")
            self._time.jump(following)
        await self._read()

    async def advance(self, duration: Duration) -> None:
        """Let virtual time pass: schedules tick, windows expire, sleeps end, each at its own time."""
        until = self._time.time + micros(duration) / 1e6
        await self._time.calm()
        while (following := self._time.next_timer()) is not None and following <= until:
            self._time.jump(following)
            await self._time.calm()
        self._time.jump(until)
        await self._time.calm()
        await self._read()

    def ran(self, task: Task[..., Any] | str) -> list[dict[str, Json]]:
        """Return the arguments of each invocation of a task whose body was begun, in the order of beginning."""
        name = task if isinstance(task, str) else task.name
        arguments = self._arguments()
        seen: dict[Id, None] = {}
        for record in self._records:
            if isinstance(record.fact, AttemptStarted) and record.fact.task == name:
                seen[record.fact.invocation] = None
        return [arguments[each] for each in seen]

    def results(self, task: Task[..., Any] | str) -> list[Json]:
        """Return the results of a task's successes, as JSON types, in the order of their ends."""
        name = task if isinstance(task, str) else task.name
        ends = [each.fact for each in self._records if isinstance(each.fact, AttemptEnded)]
        return [decode(end.result) for end in ends if end.task == name and end.status == "SUCCESS"]

    def failures(self, task: Task[..., Any] | str | None = None) -> list[str]:
        """Return what failed for good, as `task: type: message`."""
        name = task if task is None or isinstance(task, str) else task.name
        return [
            f"{fact.task}: {fact.failure.type}: {fact.failure.message}"
            for fact in (each.fact for each in self._records)
            if isinstance(fact, AttemptEnded) and fact.status == "FAILED" and fact.failure and name in (None, fact.task)
        ]

    def emitted(self, event: Event[Any] | str) -> list[Json]:
        """Return the payloads of the events of a code, in order, as JSON types."""
        code = event if isinstance(event, str) else event.code
        return [
            decode(each.fact.payload)
            for each in self._records
            if isinstance(each.fact, EventEmitted) and each.fact.code == code
        ]

    def problems(self) -> list[str]:
        """Return what triggers could not do: filters and providers that raised, arguments that did not fit."""
        found: list[str] = []
        for fact in (each.fact for each in self._records):
            if isinstance(fact, (ConditionFailed, RunFailed)):
                found.append(f"{fact.trigger}: {fact.reason}: {fact.error}")
            elif isinstance(fact, DepthExceeded):
                found.append(f"{fact.trigger}: the chain of causes is {fact.depth} deep")
        return found

    def override(self, resource: Resource[T], value: T) -> None:
        """Let a resource be this value from now on."""
        self.engine.resources.override(resource, value)

    async def _read(self) -> None:
        while True:
            after = self._records[-1].position if self._records else 0
            page = await self.engine.store.log.read(after, 1_000)
            if not page:
                return
            self._records.extend(page)

    def _arguments(self) -> dict[Id, dict[str, Json]]:
        found: dict[Id, dict[str, Json]] = {}
        for record in self._records:
            fact = record.fact
            if isinstance(fact, TriggerFired):
                found[fact.invocation] = decode(fact.arguments)
            elif isinstance(fact, InvocationCreated):
                found[record.id] = decode(fact.arguments)
        return found

    def _unfinished(self) -> str:
        begun = [each.fact for each in self._records if isinstance(each.fact, AttemptStarted)]
        facts = [each.fact for each in self._records]
        ended = {fact.invocation for fact in facts if isinstance(fact, AttemptEnded) and fact.final}
        names = sorted({fact.task for fact in begun if fact.invocation not in ended})
        return f"{', '.join(names) or 'something'} does not end; raise within=, or look for a wait that nothing ends"


@asynccontextmanager
async def engine_for(
    *tasks: Tasks | str,
    now: datetime | str = "2026-01-01T00:00Z",
    defaults: Defaults | None = None,
    overrides: Mapping[Resource[Any], Any] | None = None,
    service: str = "main",
    store: str = "memory:",
) -> AsyncGenerator[Kit, None]:
    """Open an engine for some tasks, with all its roles, on a store in memory, in virtual time.

    `now` is where the clock starts, `overrides` stand in for resources from the start. User code is asked on
    the loop itself, so filters have no deadline here. Raises what a program's declarations raise.
    """
    loop = asyncio.get_running_loop()
    start = datetime.fromisoformat(now.replace("Z", "+00:00")) if isinstance(now, str) else now
    time = VirtualTime(loop, from_datetime(start))
    offload = _Counted()
    time.busy_outside = lambda: offload.running > 0
    sources: Sequence[Tasks | str] = tasks
    engine = Engine(store, tasks=sources, app_id="test", service=service, defaults=defaults or QUIET, clock=time)
    for resource, value in (overrides or {}).items():
        engine.resources.override(resource, value)
    with time.patched():
        async with engine:
            running = Running(engine, only=_ROLES, asker=InlineAsker(), offload=offload, gather_seconds=0)
            await running.start()
            try:
                yield Kit(engine, time, running)
            finally:
                await running.stop(0)
                offload.close()
