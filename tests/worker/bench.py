"""What the worker's tests stand on: real parts on a memory store, with a program made on the spot."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec

from ensue.offload import Inline, Offload
from ensue.worker import Worker
from ensue_adapters.memory import Line, MemoryStore, MemoryWorld
from ensue_core.clock import Clock
from ensue_core.defaults import DEFAULTS, Defaults
from ensue_core.errors import CommitUnknown, StoreUnavailable
from ensue_core.facts import AttemptEnded, AttemptStarted, Fact, InvocationCancelled, InvocationCreated
from ensue_core.ids import Id, new_id
from ensue_core.records import Record, draft
from ensue_core.values import encode
from tests.worker.virtual import LoopClock

T = TypeVar("T")
Fault = Literal["unavailable", "lost", "unanswered"]


@dataclass(frozen=True)
class Options:
    """A task's options."""

    max_retries: int = 0
    retry_for: tuple[type[BaseException], ...] = ()
    retry_first_seconds: float = DEFAULTS.retry_first_seconds
    retry_longest_seconds: float = DEFAULTS.retry_longest_seconds
    timeout_seconds: float | None = None


@dataclass(frozen=True)
class Code:
    """A task made of a function; its arguments are not typed."""

    name: str
    function: Callable[..., Any]
    options: Options = Options()

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    def decode(self, raw: bytes, handles: Callable[[str, Any], Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        arguments = msgspec.json.decode(raw, type=dict[str, Any])
        inspect.signature(self.function).bind(**arguments)
        return (), arguments

    def encode_result(self, value: Any) -> bytes:
        return encode(value, f"result of {self.name}", DEFAULTS.result_bytes_max)


@dataclass
class Program:
    """A program made of functions."""

    tasks: dict[str, Code] = field(default_factory=dict[str, Code])

    def task(self, function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        """Add a function under its name."""
        self.tasks[function.__name__] = Code(function.__name__, function, Options(**options))
        return function


class NoEngine:
    """A binder without an engine: handles are the ids themselves."""

    def handle(self, invocation: str, result_type: Any) -> str:
        return invocation

    def enter(self) -> None:
        pass


class Bench:
    """A namespace of a memory world, and workers on it."""

    def __init__(self, program: Program, clock: Clock | None = None, defaults: Defaults = DEFAULTS) -> None:
        self.program = program
        self.clock = clock or LoopClock()
        self.defaults = defaults
        self.world = MemoryWorld()
        self.space = self.world.space("test")
        self._stores = 0

    async def store(self, line: Line | None = None) -> MemoryStore:
        """Open a store on the world, as another process would."""
        store = MemoryStore(self.world, "test", self.clock, line)
        await store.open()
        return store

    async def worker(self, name: str = "one", line: Line | None = None, **settings: Any) -> Worker:
        """Make a worker, which does not run yet."""
        offload: Offload = settings.pop("offload", None) or Inline()
        return Worker(
            await self.store(line), self.program, clock=self.clock, defaults=self.defaults, name=name,
            binder=NoEngine(), offload=offload, **settings,
        )  # fmt: skip

    @asynccontextmanager
    async def running(self, name: str = "one", line: Line | None = None, **settings: Any) -> AsyncGenerator[Worker]:
        """Run a worker; at the end of the block it is killed."""
        worker = await self.worker(name, line, **settings)
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            await kill(task)

    async def submit(self, task: str, due: int = 0, **arguments: Any) -> Id:
        """Create an invocation."""
        return (await self.submit_many(task, 1, due, **arguments))[0]

    async def submit_many(self, task: str, count: int, due: int = 0, **arguments: Any) -> list[Id]:
        """Create invocations in one append."""
        fact = InvocationCreated(task, msgspec.Raw(encode(arguments, "arguments")), due=due)
        created = [draft(new_id(), fact) for _ in range(count)]
        await (await self.store()).log.append(created)
        return [each.id for each in created]

    async def cancel(self, invocation: Id) -> bool:
        """Record a cancellation, as another process would: the worker is not told."""
        row = self.space.work.rows[invocation]
        fact = InvocationCancelled(invocation, row.task, row.created)
        return await (await self.store()).work.cancel(draft(new_id(), fact, cause=invocation))

    def facts(self, *kinds: type[Fact]) -> list[Any]:
        """Return the facts of some kinds, in log order."""
        return [record.fact for record in self.records(*kinds)]

    def records(self, *kinds: type[Fact]) -> list[Record]:
        """Return the records of some kinds, in log order."""
        return [record for record in self.space.records if isinstance(record.fact, kinds)]

    def ends(self, invocation: Id | None = None) -> list[AttemptEnded]:
        """Return the ends of attempts, of one invocation or of all."""
        ends: list[AttemptEnded] = self.facts(AttemptEnded)
        return [end for end in ends if invocation in (None, end.invocation)]

    def statuses(self, invocation: Id | None = None) -> list[str]:
        """Return how the attempts ended, in order."""
        return [end.status for end in self.ends(invocation)]

    def starts(self, invocation: Id | None = None) -> list[AttemptStarted]:
        """Return the starts of attempts."""
        starts: list[AttemptStarted] = self.facts(AttemptStarted)
        return [start for start in starts if invocation in (None, start.invocation)]

    async def started(self, count: int = 1) -> None:
        """Wait until so many attempts have started."""
        await self.until(lambda: len(self.starts()) >= count)

    async def ended(self, count: int = 1, invocation: Id | None = None) -> list[AttemptEnded]:
        """Wait until so many attempts have ended."""
        await self.until(lambda: len(self.ends(invocation)) >= count)
        return self.ends(invocation)

    async def until(self, look: Callable[[], bool]) -> None:
        """Wait for what a look at the log shows, at each append."""
        while not look():
            await self.space.changed(None)


async def soon(look: Callable[[], bool]) -> None:
    """Let everything run until a look shows what is waited for."""
    for _ in range(10_000_000):
        if look():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came true")


async def kill(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it is gone."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class FaultyLine:
    """A line on which a test makes operations fail: `faults` are used up in order, by operation."""

    def __init__(self) -> None:
        self.faults: dict[str, list[Fault]] = {}
        self.down = False
        self.asked: list[str] = []

    async def carry(self, operation: str, act: Callable[[], T]) -> T:
        """Yield, act or fail, yield."""
        self.asked.append(operation)
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailable(f"{operation}: down")
        faults = self.faults.get(operation)
        fault = faults.pop(0) if faults else None
        if fault == "unavailable":
            raise StoreUnavailable(f"{operation}: away")
        if fault == "lost":
            raise CommitUnknown(f"{operation}: the request was lost")
        answer = act()
        if fault == "unanswered":
            raise CommitUnknown(f"{operation}: the answer was lost")
        await asyncio.sleep(0)
        return answer


_: type[Line] = FaultyLine
