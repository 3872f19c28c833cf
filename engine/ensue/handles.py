"""Handles: an invocation from outside, typed by what its task returns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from ensue.current import slot_released
from ensue.functions import qualified_name
from ensue.settled import Settling
from ensue_core.errors import TaskCancelled, TaskFailed, WaitTimeout
from ensue_core.facts import AttemptEnded, Failure, InvocationCancelled
from ensue_core.ids import Id
from ensue_core.statuses import Status

if TYPE_CHECKING:
    from ensue.engine import Engine

R = TypeVar("R")

__all__ = ["Change", "Emitted", "Handle"]


class Change(msgspec.Struct, frozen=True):
    """One status that an invocation had, and since when."""

    status: Status
    timestamp: datetime
    attempt: int = 0
    worker: str = ""


class Handle(Generic[R]):
    """An invocation: what became of it, and its result once it has one.

    It travels: as an argument of a task it is stored as the invocation's id and arrives as a handle.
    """

    __slots__ = ("_after", "_engine", "_pending", "_task", "duplicate", "id")

    def __init__(
        self,
        engine: Engine,
        id: Id,
        *,
        task: str = "",
        after: int | None = None,
        duplicate: bool = False,
        pending: bool = False,
    ) -> None:
        self._engine, self._task, self._after, self._pending = engine, task, after, pending
        self.id: str = id
        """The invocation's id."""
        self.duplicate = duplicate
        """Whether the submit found it there already, by its idempotency key."""

    def __ensue_value__(self) -> str:
        """Travel as the id."""
        return self.id

    def __repr__(self) -> str:
        return f"Handle({self._task or 'invocation'} {self.id})"

    async def status(self) -> Status:
        """Return the status as of now, exactly.

        Raises `NotFound` for an id that was never created, or not yet: its transaction is open, or rolled back.
        """
        return Status((await self._engine.invocations.get(self.id)).status)

    async def result(self, *, timeout: float | None = None) -> R:
        """Wait for the end and return the result.

        Submitted with `connection=`, it begins once you have committed, and never ends where you roll back:
        wait after the commit, and with a timeout. Raises the task's own exception where its class is listed in
        `raises=`, else `TaskFailed`; `TaskCancelled`; `WaitTimeout` after `timeout` seconds. Inside a task the
        slot is free meanwhile.
        """
        try:
            async with slot_released(), asyncio.timeout(timeout):
                record = await self._engine.ending_of(Id(self.id), self._after)
        except TimeoutError:
            raise WaitTimeout(
                f"invocation {self.id} has not ended after {timeout:g} s; {self._goes_on()}: wait again, or see "
                f"`ensue trace {self.id}`"
            ) from None
        fact = record.fact
        if isinstance(fact, InvocationCancelled):
            raise TaskCancelled(fact.task, self.id)
        assert isinstance(fact, AttemptEnded)
        if fact.status == "FAILED":
            raise self._failure(fact.task, fact.failure or Failure("Exception"))
        result: R = self._engine.decode_result(fact.task, fact.result)
        return result

    def _goes_on(self) -> str:
        return "it is there only if its transaction has committed" if self._pending else "it goes on"

    def _failure(self, task: str, failure: Failure) -> BaseException:
        error = TaskFailed(task, self.id, failure.type, failure.message, failure.traceback)
        for kind in self._engine.raises_of(task):
            if qualified_name(kind) == failure.type:
                try:
                    own = kind(failure.message)
                except Exception:
                    break  # its constructor wants more than a message: the general error says as much
                own.__cause__ = error
                return own
        return error

    async def history(self) -> Sequence[Change]:
        """Return every status it had, oldest first."""
        return (await self._engine.invocations.get(self.id)).history

    async def cause(self) -> str | None:
        """Return the id of the trigger run or invocation that created it; None for a submit from outside."""
        found = await self._engine.invocations.get(self.id)
        return found.run or found.emitter

    async def cancel(self, reason: str = "") -> bool:
        """Cancel it: before it starts it never will, a running body is cancelled. False where it has ended."""
        return await self._engine.cancel(self.id, reason=reason)


class Emitted:
    """An event: its id, and whether its key had been used for it before.

    It is durable; emitted with `connection=`, it is once that transaction has committed.
    """

    __slots__ = ("_after", "_engine", "duplicate", "id", "position")

    def __init__(self, engine: Engine, id: Id, position: int, duplicate: bool, *, after: int | None = None) -> None:
        self._engine = engine
        self._after = position - 1 if after is None else after
        self.id: str = id
        """The event's id."""
        self.position = position
        """Where it stands in the log; 0 where that is not known, since it waits for a commit of the caller's."""
        self.duplicate = duplicate
        """Whether this very event was emitted before; nothing was added then."""

    def __repr__(self) -> str:
        return f"Emitted({self.id}{', duplicate' if self.duplicate else ''})"

    async def settled(self, timeout: float) -> None:
        """Return once all that it caused has ended, through joins too.

        A match that waits for a partner and a timer do not hold it. Raises `WaitTimeout` after `timeout`
        seconds, saying what is open.
        """
        tracker = Settling(Id(self.id))
        try:
            async with slot_released(), asyncio.timeout(timeout):
                await self._engine.settle(tracker, self._after)
        except TimeoutError:
            raise WaitTimeout(f"event {self.id} is not settled after {timeout:g} s: {tracker.says()}") from None
