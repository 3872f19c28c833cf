"""Asking user code: filters and providers, off the loop, each with a deadline, never in anybody's way.

One thread hop serves a whole batch. A function that runs past its deadline is abandoned with its thread; the
rest of the batch goes on in a new one. After three timeouts in a row a trigger is not asked any more, and
the scheduler pauses it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from ensue_core.clock import Clock
from ensue_core.defaults import Defaults


class Call(msgspec.Struct, frozen=True, gc=False):
    """One call of user code on behalf of a trigger."""

    trigger: str
    run: Callable[[], Any]


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What came of a call: a value, or why there is none. `trips`: the trigger must be paused now."""

    value: Any = None
    reason: str = ""
    error: str = ""
    trips: bool = False
    skipped: bool = False

    @property
    def failed(self) -> bool:
        """Whether there is no value."""
        return bool(self.reason)


class Asker(Protocol):
    """How user code is asked: in a thread with deadlines, or inline where time is virtual."""

    async def ask(self, calls: Sequence[Call]) -> list[Answer]:
        """Return an answer for each call, in order; never raises for what user code does."""
        ...

    def reset(self, trigger: str) -> None:
        """Forget a trigger's timeouts: it was resumed."""
        ...

    def close(self) -> None:
        """Let go of the thread."""
        ...


def _answer(call: Call) -> Answer:
    """Call user code; whatever it raises becomes the answer."""
    try:
        return Answer(call.run())
    except BaseException as error:  # user code may raise anything, SystemExit too
        try:
            text = f"{type(error).__qualname__}: {error}"[:2_000]
        except BaseException:
            text = type(error).__qualname__
        return Answer(reason="raised", error=text)


class Strikes:
    """Counts each trigger's timeouts in a row."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[str, int] = {}

    def out(self, trigger: str) -> bool:
        """Whether the trigger has struck out."""
        return self._counts.get(trigger, 0) >= self._limit

    def timeout(self, trigger: str) -> bool:
        """Count a timeout; True where it is the last one allowed."""
        self._counts[trigger] = self._counts.get(trigger, 0) + 1
        return self.out(trigger)

    def answered(self, trigger: str) -> None:
        """Start over: it answered."""
        self._counts.pop(trigger, None)

    reset = answered


class InlineAsker:
    """Asks on the loop itself, without deadlines: for simulations, where time is virtual and threads refused."""

    async def ask(self, calls: Sequence[Call]) -> list[Answer]:
        """Return an answer for each call."""
        await asyncio.sleep(0)
        return [_answer(call) for call in calls]

    def reset(self, trigger: str) -> None:
        """Nothing is counted here."""

    def close(self) -> None:
        """Nothing to let go of."""


class _Hop:
    """One thread that answers calls one after the other and says which one it is at."""

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._turn, name="ensue-ask", daemon=True)
        self.thread.start()

    def _turn(self) -> None:
        while (batch := self.inbox.get()) is not None:
            batch.work()


class _Batch:
    def __init__(
        self,
        calls: Sequence[Call],
        first: int,
        loop: asyncio.AbstractEventLoop,
        done: asyncio.Event,
        clock: Clock,
    ) -> None:
        self.calls, self.first, self.loop, self.done, self.clock = calls, first, loop, done, clock
        self.answers: list[Answer] = []
        self.began = clock.monotonic()
        self.abandoned = False
        self.lock = threading.Lock()

    def work(self) -> None:
        for call in self.calls[self.first :]:
            with self.lock:
                if self.abandoned:
                    return
                self.began = self.clock.monotonic()
            answer = _answer(call)
            if not self._keep(answer):
                return
        self._tell()

    def _keep(self, answer: Answer) -> bool:
        """Keep an answer; False where nobody waits for it any more."""
        with self.lock:
            if not self.abandoned:
                self.answers.append(answer)
            return not self.abandoned

    def _tell(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self.done.set)
        except RuntimeError:
            return  # the loop is gone, and with it whoever asked

    def abandon(self, deadline: float) -> bool:
        """Give the running call up where it is past its deadline."""
        with self.lock:
            full = self.first + len(self.answers) >= len(self.calls)
            if full or self.clock.monotonic() - self.began < deadline:
                return False
            self.abandoned = True
            return True


class ThreadAsker:
    """Asks in a thread of its own, with a deadline for each call."""

    def __init__(self, clock: Clock, defaults: Defaults) -> None:
        self._clock = clock
        self._deadline = defaults.user_code_deadline_seconds
        self._strikes = Strikes(defaults.user_code_timeouts_before_pause)
        self._hop: _Hop | None = None
        self.abandoned = 0
        """Threads given up because user code hung; `ensue doctor` shows the number."""

    def reset(self, trigger: str) -> None:
        """Forget a trigger's timeouts: it was resumed."""
        self._strikes.reset(trigger)

    async def ask(self, calls: Sequence[Call]) -> list[Answer]:
        """Return an answer for each call, in order. Cancelling abandons the thread, not the process."""
        answers: list[Answer] = []
        while len(answers) < len(calls):
            call = calls[len(answers)]
            if self._strikes.out(call.trigger):
                answers.append(Answer(reason="paused", skipped=True))
                continue
            answers += await self._hop_once(calls, len(answers))
        return answers

    async def _hop_once(self, calls: Sequence[Call], first: int) -> list[Answer]:
        """Answer calls from `first` on, up to and including one that runs past its deadline."""
        end = first
        while end < len(calls) and not self._strikes.out(calls[end].trigger):
            end += 1
        done = asyncio.Event()
        batch = _Batch(calls[:end], first, asyncio.get_running_loop(), done, self._clock)
        if self._hop is None:
            self._hop = _Hop()
        self._hop.inbox.put(batch)
        try:
            while not done.is_set():
                try:
                    async with asyncio.timeout(self._deadline):
                        await done.wait()
                except TimeoutError:
                    if batch.abandon(self._deadline):
                        return self._timed_out(batch)
        except asyncio.CancelledError:
            with batch.lock:
                batch.abandoned = True
            self._leave()
            raise
        for call in calls[first:end]:
            self._strikes.answered(call.trigger)
        return batch.answers

    def _timed_out(self, batch: _Batch) -> list[Answer]:
        self._leave()
        self.abandoned += 1
        call = batch.calls[batch.first + len(batch.answers)]
        for before in batch.calls[batch.first : batch.first + len(batch.answers)]:
            self._strikes.answered(before.trigger)
        trips = self._strikes.timeout(call.trigger)
        late = Answer(reason="timeout", error=f"ran longer than {self._deadline:g} s", trips=trips)
        return [*batch.answers, late]

    def _leave(self) -> None:
        if self._hop is not None:
            self._hop.inbox.put(None)
            self._hop = None

    def close(self) -> None:
        """End the thread once its call returns."""
        self._leave()
