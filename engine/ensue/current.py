"""Inside a task: which attempt this is, what caused it, and emits that come with its success."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from types import TracebackType
from typing import Any, Protocol, TypeVar, overload

import msgspec

from ensue.payloads import EventLike, encode_payload
from ensue_core.errors import AttemptOver, NotInTask
from ensue_core.facts import EventEmitted, Participant, TriggerFired
from ensue_core.ids import Id, derive_from, digest
from ensue_core.records import Draft, Record, draft
from ensue_core.rows import WorkRow

__all__ = [
    "Current",
    "current",
    "current_or_none",
    "derive_emit_id",
    "derive_submit_id",
    "slot_released",
    "slot_released_sync",
]

T = TypeVar("T")

_current: ContextVar[Current | None] = ContextVar("ensue_current", default=None)
_hold: ContextVar[SlotHold | None] = ContextVar("ensue_slot", default=None)
_log = logging.getLogger("ensue.task")


def current() -> Current:
    """Return the attempt this code runs in, on the loop or in a task's thread.

    Raises `NotInTask` outside a task.
    """
    found = _current.get()
    if found is None:
        raise NotInTask("current()")
    return found


def current_or_none() -> Current | None:
    """Return the attempt this code runs in, None outside a task."""
    return _current.get()


class SlotHold(Protocol):
    """An attempt's slot, which its body gives up while it only waits."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of its worker."""
        ...

    def release(self) -> None:
        """Give it up; on the loop, never blocks."""
        ...

    async def retake(self) -> None:
        """Return once the body may go on."""
        ...


class Current:
    """One attempt, as its body sees it. Every method may be called from the body's threads too."""

    __slots__ = (
        "_buffered", "_counts", "_lock", "_logger", "_over", "_record", "attempt", "cancelled", "depth", "id",
        "root", "task",
    )  # fmt: skip

    def __init__(self, row: WorkRow, record: Record) -> None:
        self.id: Id = row.invocation
        """The invocation's id."""
        self.attempt: int = row.attempt
        """Which try this is, from 1."""
        self.task: str = row.task
        """The task's name."""
        self.depth: int = row.depth
        """How many causes lie before this invocation."""
        self.root: str | None = row.root
        """What began the whole tree."""
        self.cancelled: bool = False
        """Whether the body should stop: cancelled, timed out, its lease lost, or the worker shutting down.

        An async body is cancelled as well; a sync one has to look.
        """
        self._record = record
        self._lock = Lock()
        self._buffered: list[Draft] = []
        self._counts: dict[str, int] = {}
        self._over = False
        self._logger: logging.LoggerAdapter[logging.Logger] | None = None

    @property
    def cause(self) -> Id:
        """What stands as the cause of all that the body emits and submits: the invocation."""
        return self.id

    @property
    def run(self) -> Id | None:
        """The trigger run that created this invocation, None for a direct submit."""
        fact = self._record.fact
        return (fact.run or self._record.id) if isinstance(fact, TriggerFired) else None

    @property
    def trigger(self) -> str | None:
        """The trigger that created this invocation, None for a direct submit."""
        fact = self._record.fact
        return fact.trigger if isinstance(fact, TriggerFired) else None

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Which occurrences satisfied which conditions, in order; none for a direct submit."""
        fact = self._record.fact
        return fact.participants if isinstance(fact, TriggerFired) else ()

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records carry the task, the invocation and the attempt."""
        if self._logger is None:
            extra = {"task": self.task, "invocation": self.id, "attempt": self.attempt}
            self._logger = _Logger(_log, extra)
        return self._logger

    @overload
    def emit(self, event: EventLike[T], payload: T) -> str: ...
    @overload
    def emit(self, event: str, payload: object) -> str: ...
    def emit(self, event: EventLike[Any] | str, payload: object) -> str:
        """Emit an event that is recorded with this attempt's success, or not at all; return its id.

        The id is the same in each attempt that emits the same. Raises `BadValue` for a payload that cannot
        be stored or does not fit the event's type, `AttemptOver` once the attempt has ended.
        """
        code, raw = encode_payload(event, payload)
        with self._lock:
            if self._over:
                raise AttemptOver(self.task, self.id, self.attempt)
            fact = EventEmitted(code, msgspec.Raw(raw), emitter=self.id, emitter_task=self.task, depth=self.depth)
            id = self._derive("buffered", code, raw)
            self._buffered.append(draft(id, fact, cause=self.id, root=self.root, repeatable=True))
        return id

    def derive_id(self, kind: str, name: str, raw: bytes) -> Id:
        """Return the id of what the body does at once: it follows from what is said, and how often it was."""
        with self._lock:
            return self._derive(kind, name, raw)

    def _derive(self, kind: str, name: str, raw: bytes) -> Id:
        """Count equal ones and derive; the attempt is no part of it, so a retry repeats the ids."""
        said = digest(kind, name, raw)
        before = self._counts.get(said, 0)
        self._counts[said] = before + 1
        return derive_from(self.id, kind, name, raw, before)

    def close(self) -> tuple[Draft, ...]:
        """End the attempt's part in this: return what it has emitted and accept no more."""
        with self._lock:
            self._over = True
            return tuple(self._buffered)


def derive_emit_id(current: Current, code: str, payload: bytes) -> Id:
    """Return the id of an unkeyed event that a body emits at once, not with its success."""
    return current.derive_id("emit", code, payload)


def derive_submit_id(current: Current, task: str, arguments: bytes) -> Id:
    """Return the id of an unkeyed invocation that a body submits."""
    return current.derive_id("submit", task, arguments)


class slot_released:
    """Give the body's slot up while it waits for another invocation; does nothing outside a task.

    `async with slot_released(): ...`. The block ends once the body may go on. Waits may overlap; the slot
    comes back after the last.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: SlotHold | None = None

    async def __aenter__(self) -> None:
        self._held = _hold.get()
        if self._held is not None:
            self._held.release()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            await self._held.retake()


@contextmanager
def slot_released_sync() -> Generator[None]:
    """Give the body's slot up while its thread waits; does nothing outside a task's thread."""
    held = _hold.get()
    if held is None or asyncio._get_running_loop() is not None:
        yield
        return
    held.loop.call_soon_threadsafe(held.release)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(held.retake(), held.loop).result()


def enter(current: Current, hold: SlotHold, binds: Callable[[], None]) -> None:
    """Make an attempt the current one of this context: the worker's, called in the body's own context."""
    _current.set(current)
    _hold.set(hold)
    binds()


class _Logger(logging.LoggerAdapter[logging.Logger]):
    """Says in the text, too, which attempt it was."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        extra: dict[str, Any] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        kwargs["extra"] = extra
        return f"{msg} [{extra['task']} {extra['invocation']} attempt {extra['attempt']}]", kwargs
