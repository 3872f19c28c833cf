"""A seeded event loop in virtual time, on which several "processes" run, crash and pause.

Nothing happens outside it: there is no selector, no thread and no wall clock. Whoever is ready is picked at
random from the seed; where nobody is, time jumps to the next timer. One seed gives one run, bit for bit, in
every process and under every hash seed, and `digest` shows it.

A process is a name that its tasks carry in their context. A crashed one never runs again: no `finally`, no
cancellation, as under SIGKILL. Its tasks are kept, so that the garbage collector does not run their
`finally` blocks either, until the loop is closed.
"""

# The loop's base is taken for Any: it stands on attributes of asyncio's own loops that no stub says.
# mypy: disable-error-code="misc,no-any-return,unused-ignore"
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import contextlib
import gc
import heapq
import itertools
import math
import random
import sys
import threading
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime
from hashlib import blake2b
from types import FrameType
from typing import Any, TypeVar

from anyio._backends import _asyncio as anyio_asyncio

from ensue_core.clock import Clock, from_datetime

T = TypeVar("T")

PROCESS: ContextVar[str] = ContextVar("simulated_process", default="")
"""The process whose code runs now; empty for the simulation itself, which cannot crash."""

START = datetime(2026, 1, 1, tzinfo=UTC)


class SimulationError(Exception):
    """The run cannot go on; never caught by the code under test, which knows nothing of it."""


class Deadlock(SimulationError):
    """Nobody is ready and no timer is set, but the simulation has not ended."""


class TooManySteps(SimulationError):
    """The run did not end within its bound on steps: something spins."""


class ThreadRefused(RuntimeError):
    """The code under test asked for a thread, which no seed could repeat."""


_Base: Any = asyncio.BaseEventLoop
"""Taken for anything: the loop below stands on attributes of asyncio's own that its stubs do not say."""


class SimTask(asyncio.Task[T]):
    """A task with a number, so that sets of tasks have one order in every run."""

    def __init__(self, number: int, process: str, coro: Coroutine[Any, Any, T], **options: Any) -> None:
        self.number, self.process = number, process
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number


class SimFuture(asyncio.Future[Any]):
    """A future with a number, so that sets of futures have one order in every run."""

    def __init__(self, number: int, loop: SimLoop) -> None:
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class SimLoop(_Base):
    """The loop. `shuffle` off runs callbacks first in, first out; `step_micros` is what each one takes."""

    def __init__(
        self, seed: int | str = 0, *, steps_max: int = 5_000_000, shuffle: bool = True, step_micros: int = 0
    ) -> None:
        super().__init__()
        self.steps = 0
        self.micros = 0
        """The virtual time, in microseconds since the start."""
        self.unhandled: list[tuple[str, str, BaseException | None]] = []
        """What tasks raised and nobody looked at: (process, message, exception)."""
        self.trace: deque[tuple[int, str, str]] = deque(maxlen=400)
        """The last steps: (time, process, what ran)."""
        self.after_step: Callable[[str], None] | None = None
        """Told after each step whose it was: where a simulation crashes a process at any await."""
        self._random = random.Random(f"loop {seed}").random
        self._steps_max, self._shuffle, self._step_micros = steps_max, shuffle, step_micros
        self._seconds = 0.0
        self._runnable: list[events.Handle] = []
        self._timers: list[tuple[int, int, events.TimerHandle]] = []
        self._numbers = itertools.count(1)
        self._dead: set[str] = set()
        self._paused: dict[str, list[events.Handle]] = {}
        self._tasks: list[SimTask[Any]] = []
        self._prune_at = 1_000
        self._hash = blake2b(digest_size=16)
        self._scopes: dict[int, tuple[int, object]] = {}

    @property
    def digest(self) -> str:
        """A hash of every step so far: when, in which process, which task."""
        return self._hash.hexdigest()

    # Time.

    def time(self) -> float:
        """Return virtual seconds since the start."""
        return self._seconds

    def _advance(self, micros: int, when: float = 0.0) -> None:
        self.micros = max(self.micros, micros)
        # Never before the moment a timer was set for, or who looks at the clock again would wait again.
        self._seconds = max(self._seconds, when, self.micros / 1_000_000)

    # Scheduling, as asyncio asks for it.

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> events.Handle:
        """Queue a callback; one of a dead process is dropped."""
        self._check_closed()
        handle = events.Handle(callback, args, self, context)
        if _process_of(handle) in self._dead:
            handle.cancel()
        else:
            self._runnable.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.Handle:
        """Queue a callback from this thread; there is no other."""
        if self._thread_id is not None and threading.get_ident() != self._thread_id:
            raise ThreadRefused("a callback came from another thread")
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.TimerHandle:
        """Queue a callback for a virtual time; timers of one moment become ready in the order they were set."""
        self._check_closed()
        timer = events.TimerHandle(when, callback, args, self, context)
        if _process_of(timer) in self._dead:
            timer.cancel()
        elif when < math.inf:
            heapq.heappush(self._timers, (round(when * 1_000_000), next(self._numbers), timer))
        return timer

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.TimerHandle:
        """Queue a callback for `delay` virtual seconds from now."""
        return self.call_at(self._seconds + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        """Return a numbered future."""
        return SimFuture(next(self._numbers), self)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: Context | None = None, **options: Any
    ) -> asyncio.Task[Any]:
        """Return a numbered task; it begins when it is picked, never at once."""
        self._check_closed()
        number = next(self._numbers)
        process = PROCESS.get() if context is None else context.get(PROCESS, "")
        task = SimTask[Any](number, process, coro, loop=self, name=name or f"task-{number}", context=context)
        self._tasks.append(task)
        if len(self._tasks) >= self._prune_at:
            self._tasks = [each for each in self._tasks if not each.done()]
            self._prune_at = 2 * len(self._tasks) + 1_000
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Refuse."""
        raise ThreadRefused(f"run_in_executor({getattr(func, '__qualname__', func)}): give an inline offload")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody handled, for the simulation to judge."""
        if not self.is_closed():
            self.unhandled.append((PROCESS.get(), str(context.get("message")), context.get("exception")))

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        """Cancelled timers are passed over when they surface."""

    def _process_events(self, event_list: Any) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """There is nobody else to wake."""

    # Processes.

    def spawn(self, process: str, coro: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
        """Start a coroutine as part of a process; all that it starts belongs to it too."""
        if process in self._dead:
            coro.close()
            raise SimulationError(f"process {process!r} is dead: start it again under another name")
        context = copy_context()
        context.run(PROCESS.set, process)
        return self.create_task(coro, name=name, context=context)

    def crash(self, process: str) -> None:
        """Let none of a process's code ever run again. Its own running step ends at its next await."""
        if not process:
            raise SimulationError("the simulation itself cannot crash")
        self._dead.add(process)
        self._paused.pop(process, None)

    async def die(self) -> None:
        """Crash the process that awaits this; does not return."""
        self.crash(PROCESS.get())
        await self.create_future()

    def is_dead(self, process: str) -> bool:
        """Whether a process has crashed."""
        return process in self._dead

    def pause(self, process: str, seconds: float) -> None:
        """Stop a process for a while: its timers go off late, all at once, when it goes on (SIGSTOP)."""
        if process in self._dead or process in self._paused:
            return
        self._paused[process] = []
        context = Context()
        context.run(PROCESS.set, "")
        self.call_later(seconds, self._resume, process, context=context)

    def is_paused(self, process: str) -> bool:
        """Whether a process is stopped."""
        return process in self._paused

    def _resume(self, process: str) -> None:
        self._runnable.extend(self._paused.pop(process, ()))

    def pending(self, process: str | None = None) -> list[str]:
        """Return where every unfinished task of a process, or of all live ones, waits."""
        found: list[str] = []
        alive = [task for task in self._tasks if not task.done() and task.process not in self._dead]
        wanted = [task for task in alive if process in (None, task.process)]
        return [*found, *(f"{task.process or 'simulation'}: {task.get_name()} at {_where(task)}" for task in wanted)]

    # Running.

    def _run_once(self) -> None:
        """Run one callback; this is the whole of `run_forever`'s inner loop."""
        timers = self._timers
        if not self._runnable:
            self._skip_to_next_timer()
        while timers and timers[0][0] <= self.micros:
            _, _, timer = heapq.heappop(timers)
            if not timer.cancelled():
                self._runnable.append(timer)
        handle = self._pick()
        if handle is None:
            return
        process = _process_of(handle)
        if process in self._dead:
            return
        if process in self._paused:
            self._paused[process].append(handle)
            return
        self._run(handle, process)

    def _skip_to_next_timer(self) -> None:
        timers = self._timers
        while timers:
            micros, _, timer = timers[0]
            if timer.cancelled() or _process_of(timer) in self._dead:
                heapq.heappop(timers)
                continue
            self._advance(micros, timer.when())
            return
        if not self._stopping:
            raise Deadlock("nobody is ready and no timer is set; pending:\n  " + "\n  ".join(self.pending()))

    def _pick(self) -> events.Handle | None:
        ready = self._runnable
        if not ready:
            return None
        if self._shuffle:
            place = int(self._random() * len(ready))
            handle = ready[place]
            ready[place] = ready[-1]
            ready.pop()
        else:
            handle = ready.pop(0)
        return None if handle.cancelled() else handle

    def _run(self, handle: events.Handle, process: str) -> None:
        self.steps += 1
        if self.steps > self._steps_max:
            last = "\n  ".join(f"{micros / 1e6:.6f} {who} {what}" for micros, who, what in [*self.trace][-40:])
            raise TooManySteps(f"more than {self._steps_max} steps; the last ones:\n  {last}")
        what = _name_of(handle)
        self._hash.update(f"{self.micros} {process} {what}\n".encode())
        self.trace.append((self.micros, process, what))
        if self._step_micros:
            self._advance(self.micros + self._step_micros)
        handle._run()
        if self.after_step is not None:
            self.after_step(process)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, with nothing of the outside let in, and close the loop."""
        try:
            with _sealed():
                return self.run_until_complete(main)
        finally:
            self.close()

    def close(self) -> None:
        """Close the loop, and then whatever never ended, without a word."""
        if self.is_closed():
            return
        super().close()
        self._runnable.clear()
        self._timers.clear()
        self._paused.clear()
        tasks, self._tasks = self._tasks, []
        self._scopes.clear()
        with _silent():
            for task in tasks:
                if task.done():
                    continue
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coro = task.get_coro()
                for _ in range(20):
                    try:
                        coro.close()  # type: ignore[union-attr]
                    except RuntimeError:
                        continue  # it awaited in a finally block: close that too
                    except BaseException:
                        pass
                    break
            del tasks
            gc.collect()


class SimClock:
    """One process's clock on a SimLoop: virtual time, off by a skew that can step."""

    def __init__(self, loop: SimLoop, start: datetime = START, skew_seconds: float = 0.0) -> None:
        self.skew = round(skew_seconds * 1_000_000)
        """How far this clock is ahead of the others, in microseconds."""
        self._loop, self._start = loop, from_datetime(start)

    def now(self) -> int:
        """Return this process's wall time in microseconds."""
        return self._start + self._loop.micros + self.skew

    def monotonic(self) -> float:
        """Return virtual seconds; skew and steps do not touch them."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Sleep for virtual seconds."""
        await asyncio.sleep(max(seconds, 0.0))

    def step(self, seconds: float) -> None:
        """Step the wall time, forward or back."""
        self.skew += round(seconds * 1_000_000)


_: type[Clock] = SimClock


def _process_of(handle: events.Handle) -> str:
    return handle._context.get(PROCESS, "")  # type: ignore[attr-defined,no-any-return]


def _name_of(handle: events.Handle) -> str:
    callback: Any = handle._callback  # type: ignore[attr-defined]
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, SimTask):
        return owner.get_name()
    return getattr(callback, "__qualname__", None) or type(callback).__name__


def _where(task: asyncio.Task[Any]) -> str:
    """Return the innermost line at which a task waits."""
    awaited: Any = task.get_coro()
    frame: FrameType | None = None
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None) or frame
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    if frame is None:
        return "its beginning"
    return f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno} in {frame.f_code.co_qualname}"


def _hash_of_scope(scope: object) -> int:
    """Number anyio's cancel scopes, which it keeps in sets, in the order in which they are first hashed."""
    loop = asyncio._get_running_loop()
    if not isinstance(loop, SimLoop):
        return object.__hash__(scope)
    found = loop._scopes.get(id(scope))
    if found is None:
        # Kept alive with its number, so that no other scope gets its address.
        found = loop._scopes[id(scope)] = (next(loop._numbers), scope)
    return found[0]


def _refuse_thread(thread: threading.Thread) -> None:
    raise ThreadRefused(f"thread {thread.name!r} may not start: no seed could repeat what it does")


@contextlib.contextmanager
def _sealed() -> Generator[None]:
    """Keep out what no seed can repeat: threads, the garbage collector's timing, the order of sets of scopes."""
    collecting = gc.isenabled()
    start, hashes = threading.Thread.start, anyio_asyncio.CancelScope.__hash__
    gc.disable()
    setattr(threading.Thread, "start", _refuse_thread)  # noqa: B010
    setattr(anyio_asyncio.CancelScope, "__hash__", _hash_of_scope)  # noqa: B010
    try:
        yield
    finally:
        setattr(threading.Thread, "start", start)  # noqa: B010
        setattr(anyio_asyncio.CancelScope, "__hash__", hashes)  # noqa: B010
        if collecting:
            gc.enable()


@contextlib.contextmanager
def _silent() -> Generator[None]:
    """Say nothing of what closing unfinished coroutines raises."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


__all__ = [
    "PROCESS",
    "Deadlock",
    "SimClock",
    "SimLoop",
    "SimulationError",
    "ThreadRefused",
    "TooManySteps",
]
