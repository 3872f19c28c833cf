"""Roles in one process: scheduler, projector and worker, owned by one task, restarted where they break."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, cast

from ensue.ingest.declared import Ingest
from ensue.ingest.ingester import Ingester
from ensue.ingest.topics import opener_of
from ensue.offload import Offload
from ensue.projector import GATHER_SECONDS, Projector
from ensue.scheduler.asking import Asker, ThreadAsker
from ensue.scheduler.scheduler import Scheduler
from ensue.worker import Worker
from ensue_core.errors import EnsueError, HistoryLost
from ensue_core.ids import new_id

if TYPE_CHECKING:
    from ensue.engine import Engine

Role = Literal["scheduler", "projectors", "worker", "ingester"]
ROLES: frozenset[Role] = frozenset({"scheduler", "projectors", "worker", "ingester"})
"""What a process can do: decide, fold query views, run tasks, take topics in."""

logger = logging.getLogger("ensue.running")


def process_name() -> str:
    """Return a name for this start of this process: host, pid and a few random digits."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_id()[-6:]}"


class Running:
    """The roles of one process, started and stopped together."""

    def __init__(
        self,
        engine: Engine,
        *,
        only: Collection[Role] | None = None,
        async_slots: int | None = None,
        thread_slots: int | None = None,
        replace: bool = False,
        asker: Asker | None = None,
        offload: Offload | None = None,
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        roles = ROLES if only is None else frozenset(only)
        store, program, defaults = engine.store, engine.program, engine.defaults
        clock = store.clock  # all processes of a store agree on its time
        self._engine, self._replace = engine, replace
        self.name = process_name()
        self.asker = asker or ThreadAsker(clock, defaults)
        self.worker: Worker | None = None
        self.scheduler: Scheduler | None = None
        self.projector: Projector | None = None
        if "worker" in roles:
            self.worker = Worker(
                store, program, clock=clock, defaults=defaults, name=self.name, binder=engine,
                async_slots=async_slots, thread_slots=thread_slots, offload=offload,
            )  # fmt: skip
        if "scheduler" in roles:
            self.scheduler = Scheduler(
                store, program, clock, defaults, service=engine.service, process=self.name,
                asker=self.asker, slots=self.worker, offload=offload, replace=replace,
            )  # fmt: skip
        if "projectors" in roles:
            self.projector = Projector(store, clock, defaults, process=self.name, gather_seconds=gather_seconds)
        self.lost: asyncio.Future[HistoryLost] = asyncio.get_running_loop().create_future()
        """Done once a role has found that the store lost what it had acknowledged: then every role ends."""
        self.ingesters: list[Ingester] = []
        if "ingester" in roles:
            self.ingesters = [self._ingester(each) for each in engine.ingests]
        self._insist = roles == frozenset[Role]({"ingester"})
        self._roles: dict[str, asyncio.Task[None]] = {}
        self._resources = AsyncExitStack()

    def _ingester(self, declared: Ingest) -> Ingester:
        engine = self._engine
        url, namespace, clock = declared.url, engine.store.namespace, engine.clock
        opener = opener_of(url)
        opener(url, namespace, clock)  # what is wrong with the URL is said at once
        return Ingester(
            engine.store,
            declared,
            lambda: opener(url, namespace, clock),
            clock=clock,
            defaults=engine.defaults,
            process=self.name,
        )

    async def start(self) -> None:
        """Open resources, declare, and start the roles. Raises what makes declaring impossible.

        Where ingesting is all there is to do, raises `TopicUnavailable` for a topic that cannot be read now.
        """
        if self._insist:
            for each in self.ingesters:
                await each.begin()
        if self.scheduler is not None:
            await self.scheduler.declare()
        if self.worker is not None:
            await open_resources(self._engine, self._resources)
            self._role("worker", self.worker.run)
        if self.scheduler is not None:
            self._role("scheduler", self.scheduler.run)
        if self.projector is not None:
            self._role("projector", self.projector.run)
        for number, each in enumerate(self.ingesters, 1):
            self._role(f"ingester-{number}", each.run)

    async def stop(self, grace_seconds: float) -> None:
        """Stop deciding, let bodies finish within the grace, release the rest, close resources."""
        for number in range(len(self.ingesters), 0, -1):
            await self._end(f"ingester-{number}")
        for each in self.ingesters:
            await each.close()
        await self._end("scheduler")
        if self.worker is not None and not self.lost.done():
            with contextlib.suppress(EnsueError):
                await self.worker.drain(grace_seconds)
        await self._end("worker")
        await self._end("projector")
        self.asker.close()
        await self._resources.aclose()

    def _role(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._roles[name] = asyncio.create_task(self._keep(name, run), name=f"ensue-{name}")

    async def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a role; one that breaks is said in the log and started again."""
        pause = 0.1
        while True:
            began = self._engine.clock.monotonic()
            try:
                await run()
                return
            except Exception as error:
                lost = _loss_in(error)
                if lost is not None:
                    if not self.lost.done():
                        logger.critical("%s", lost)
                        self.lost.set_result(lost)
                    return
                logger.exception("%s broke; starting it again in %.2g s", name, pause)
            if self._engine.clock.monotonic() - began > 60:
                pause = 0.1
            await self._engine.clock.sleep(pause)
            pause = min(pause * 2, 10.0)

    async def _end(self, name: str) -> None:
        task = self._roles.pop(name, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def resting(self) -> bool:
        """Whether every role here waits for the log or for time; for tests."""
        parts: list[bool] = []
        if self.scheduler is not None:
            parts.append(self.scheduler.resting)
        if self.worker is not None:
            parts.append(self.worker.idle)
        if self.projector is not None:
            parts.append(self.projector.resting)
        parts += [each.resting for each in self.ingesters]
        return all(parts)


def _loss_in(error: BaseException) -> HistoryLost | None:
    """Return the loss that an error tells of, or one of the errors in it."""
    if isinstance(error, HistoryLost):
        return error
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return next(filter(None, map(_loss_in, group.exceptions)), None)
    return None


async def open_resources(engine: Engine, stack: AsyncExitStack) -> None:
    """Open every resource of the program that no test stands in for; they close in reverse order.

    Each opens and closes in one task of its own, as its code may hold cancel scopes across the `yield`.
    """
    for resource in engine.program.resources.values():
        if not engine.resources.is_overridden(resource):
            value = await stack.enter_async_context(_held(resource.function, resource.name))
            engine.resources.opened(resource, value)
            stack.callback(engine.resources.closed, resource)


@asynccontextmanager
async def _held(function: Callable[[], AsyncIterator[Any]], name: str) -> AsyncGenerator[Any, None]:
    opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    closing = asyncio.Event()

    async def hold() -> None:
        try:
            values = function()
            opened.set_result(await anext(values))
            await closing.wait()
            # The code after its `yield` closes it; it yields no second time.
            async for _ in values:
                raise RuntimeError(f"resource {name} yielded twice: yield its value once")
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)

    task = asyncio.create_task(hold(), name=f"ensue-resource-{name}")
    try:
        yield await opened
    finally:
        closing.set()
        await task
