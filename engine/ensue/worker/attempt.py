"""One attempt: its body runs in a task of its own, and what became of it is decided once."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from ensue.current import Current, enter
from ensue.offload import Offload
from ensue.worker.ends import Outcome, Raised, Released, Returned
from ensue.worker.failures import capture
from ensue.worker.needs import Binder, Definition
from ensue.worker.slots import Hold
from ensue_core.clock import Clock
from ensue_core.defaults import Defaults
from ensue_core.errors import Retry
from ensue_core.facts import Failure, InvocationCreated, TriggerFired
from ensue_core.ports import Claimed
from ensue_core.records import Record
from ensue_core.rows import WorkRow

Stop = Literal["superseded", "released", "timeout"]
"""Why a body is asked to stop: its end counts no more, the worker stops, or its time is up."""


class Host(Protocol):
    """What an attempt needs of its worker."""

    binder: Binder
    offload: Offload
    clock: Clock
    defaults: Defaults

    def ended(self, attempt: Attempt, outcome: Outcome) -> None:
        """The attempt's end is decided; called once, unless it is superseded."""
        ...

    def came_back(self, attempt: Attempt) -> None:
        """The body has come back, in whatever way; called once."""
        ...


class Attempt:
    """A body that runs, and the slot it holds.

    Its end is decided once: by the body, or without it where it is superseded, or does not come back.
    """

    __slots__ = (
        "_host", "_timer", "back", "began", "committed", "current", "decided", "definition",
        "entered", "hold", "lent", "record", "refused", "row", "stop", "task",
    )  # fmt: skip

    def __init__(self, host: Host, claimed: Claimed, definition: Definition, hold: Hold) -> None:
        self.row: WorkRow = claimed.row
        self.record: Record = claimed.record
        self.definition = definition
        self.hold = hold
        self.current = Current(claimed.row, claimed.record)
        self.began = host.clock.monotonic()
        self.stop: Stop | None = None
        self.entered = False
        self.decided = False
        self.committed = False
        self.back = False
        self.lent = False
        self.refused = False
        self._host = host
        self._timer: asyncio.Task[None] | None = None
        self.task = hold.loop.create_task(self._run())

    def ask_to_stop(self, stop: Stop) -> None:
        """Ask the body to stop: cancel an async one, tell a sync one. A later reason replaces an earlier."""
        if stop == "superseded":
            self.decided = True
            self.current.close()
        self.stop = stop
        self.current.cancelled = True
        if self.entered and self.definition.is_async and not self.back:
            self.task.cancel()

    def give_up(self) -> None:
        """Decide the end without the body, which does not come back."""
        if not self.decided:
            self._decide(Released() if self.stop == "released" else self._timed_out(None))

    def _decide(self, outcome: Outcome) -> None:
        if not self.decided:
            self.decided = True
            try:
                self._host.ended(self, outcome)
            except Exception as error:
                # What cannot be written down is a failure; an attempt without an end would never be over.
                self._host.ended(self, Raised(capture(error, self._host.defaults)))

    async def _run(self) -> None:
        outcome = await self._outcome()
        self.back = True
        if self._timer is not None:
            self._timer.cancel()
        self._decide(outcome)
        self._host.came_back(self)

    async def _outcome(self) -> Outcome:
        """Run the body and return what came of it; raises nothing, whatever the body does."""
        definition, host = self.definition, self._host
        try:
            enter(self.current, self.hold, host.binder.enter)
            arguments, keywords = definition.decode(_arguments(self.record), host.binder.handle)
        except BaseException as error:
            return Raised(capture(error, host.defaults))
        if self.stop is not None:
            return Released()
        self.entered = True
        if definition.options.timeout_seconds is not None:
            self._timer = self.hold.loop.create_task(self._expire(definition.options.timeout_seconds))
        try:
            if definition.is_async:
                value = await definition.function(*arguments, **keywords)
            else:
                value = await self._offloaded(arguments, keywords)
        except BaseException as error:
            return self._raised(error)
        try:
            return Returned(definition.encode_result(value))
        except BaseException as error:
            return Raised(capture(error, host.defaults))

    async def _offloaded(self, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        """Run a sync body elsewhere, in a copy of this context.

        What it raises comes back as a value: a thread's future would not carry StopIteration.
        """
        context = contextvars.copy_context()
        function = self.definition.function
        value, error = await self._host.offload.run(context.run, _call, function, arguments, keywords)
        if error is not None:
            try:
                raise error
            finally:
                error = None
        return value

    def _raised(self, error: BaseException) -> Outcome:
        """Say what an exception out of the body means, given why it may have been asked to stop."""
        if self.decided or self.stop == "released":
            return Released()
        if self.stop == "timeout":
            return self._timed_out(error)
        # SystemExit, KeyboardInterrupt and a CancelledError of the body's own making are no reason to retry.
        kind = type(error)  # Not isinstance: it would ask the exception, which may answer with anything.
        retryable = issubclass(kind, Exception) and issubclass(kind, (Retry, self.definition.options.retry_for))
        return Raised(capture(error, self._host.defaults), retryable)

    def _timed_out(self, error: BaseException | None) -> Raised:
        """Return the failure of a body whose time was up, with the frames where it stood."""
        seconds = self.definition.options.timeout_seconds or 0
        timeout = TimeoutError(f"the body ran longer than its timeout of {seconds:g} s")
        failure = capture(timeout, self._host.defaults)
        if error is not None:
            stood = capture(error, self._host.defaults).traceback
            failure = Failure(failure.type, failure.message, failure.bases, f"{stood}{failure.traceback}")
        return Raised(failure, isinstance(timeout, self.definition.options.retry_for))

    async def _expire(self, timeout: float) -> None:
        """Ask the body to stop when its time is up; where it does not come back, end without it."""
        await self._host.clock.sleep(timeout)
        if self.decided:
            return
        if self.stop is None:
            self.ask_to_stop("timeout")
        await self._host.clock.sleep(self._host.defaults.heartbeat_seconds)
        self.give_up()


def _call(
    function: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[Any, BaseException | None]:
    try:
        return function(*arguments, **keywords), None
    except BaseException as error:
        return None, error


def _arguments(record: Record) -> bytes:
    fact = record.fact
    if isinstance(fact, (TriggerFired, InvocationCreated)):
        return bytes(fact.arguments)
    raise TypeError(f"record {record.id} is a {record.kind} and creates no invocation")
