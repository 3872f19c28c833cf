"""Polling: user functions are asked at their times, on the loop or in threads, and none waits for another.

The poller belongs to the scheduler that leads. What fires, and what could not be asked, is handed to that
scheduler, whose Step makes it count; what skips leaves no trace.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ensue.offload import Offload
from ensue.polls import Fire, fired
from ensue.program import DeclaredTrigger
from ensue.scheduler.rounds import Outcome, Round
from ensue.scheduler.state import ChainState
from ensue.worker.waiting import Alarm
from ensue_core.clock import Clock
from ensue_core.declarations import OnPoll
from ensue_core.defaults import SECOND, Defaults

Key = tuple[str, str]
"""A trigger and its condition."""

TICK_SECONDS = 0.05
"""How far apart polls may be due and still be asked in one go; less where one is asked more often than that."""

STUCK_MAX = 3
"""How many threads may hang in one function; it is asked again once one of them has come back."""

logger = logging.getLogger("ensue.scheduler")


class Polled(msgspec.Struct, frozen=True):
    """A poll's answer to a slot: what it fires with, or why there is none. `row` counts failures in a row."""

    key: Key
    slot: int
    fire: Fire | None = None
    reason: str = ""
    error: str = ""
    row: int = 0


@dataclass(eq=False, slots=True)
class _Target:
    key: Key
    function: Callable[[], Any]
    every: int
    next: int
    slot: int = 0
    asked: bool = False
    stuck: int = 0
    failures: int = 0
    gone: bool = False


class Poller:
    """Asks the polls of one service while `follow` says that they are this process's to ask."""

    def __init__(
        self, clock: Clock, defaults: Defaults, offload: Offload, triggers: Mapping[str, DeclaredTrigger]
    ) -> None:
        self.some = asyncio.Event()
        """Set while there are answers."""
        self._clock, self._offload, self._triggers = clock, offload, triggers
        self._deadline = defaults.poll_deadline_seconds
        self._targets: dict[Key, _Target] = {}
        self._line: list[tuple[int, Key]] = []
        self._answers: list[Polled] = []
        self._wake = asyncio.Event()
        self._alarm = Alarm(clock, self._wake.set)
        self._tick = TICK_SECONDS
        self._followed: ChainState | None = None
        self._changed = 0
        self._asking: set[asyncio.Task[None]] = set()

    # For the scheduler.

    def follow(self, state: ChainState | None) -> None:
        """Poll what a chain says is to be polled; nothing where it is None."""
        before, self._followed = self._followed, state
        changed = 0 if state is None else state.polls_changed
        if state is before and changed == self._changed:
            return
        self._changed = changed
        wanted = {} if state is None else self._wanted(state)
        for key in self._targets.keys() - wanted.keys():
            self._targets.pop(key).gone = True
        for key, (poll, due) in wanted.items():
            target = self._targets.get(key)
            if target is None:
                function = self._triggers[key[0]].functions[poll.function.name]
                target = self._targets[key] = _Target(key, function, poll.every, 0)
            if target.next < due or not target.next:
                self._schedule(target, due)
        self._tick = min([TICK_SECONDS, *(each.every / SECOND / 5 for each in self._targets.values())])
        if not self._targets:
            self._line.clear()
        self._wake.set()

    def take(self) -> list[Polled]:
        """Return the answers so far and forget them."""
        answers, self._answers = self._answers, []
        self.some.clear()
        return answers

    def give_back(self, answers: list[Polled]) -> None:
        """Keep answers for another Step: theirs was void."""
        self._answers[:0] = answers
        if self._answers:
            self.some.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._begin()
        finally:
            self._alarm.clear()
            for each in self._asking:
                each.cancel()
            self.follow(None)

    # Asking.

    def _wanted(self, state: ChainState) -> dict[Key, tuple[OnPoll, int]]:
        found: dict[Key, tuple[OnPoll, int]] = {}
        for key, row in state.polls.items():
            trigger = state.triggers.get(key[0])
            if trigger is None or trigger.state != "active" or key[0] not in self._triggers:
                continue
            condition = trigger.spec.conditions.get(key[1])
            if isinstance(condition, OnPoll):
                found[key] = condition, row.due
        return found

    def _schedule(self, target: _Target, anchor: int) -> None:
        """Set a target's next slot: the first one of its grid that has not passed."""
        late = self._clock.now() - anchor
        target.next = anchor if late < 0 else anchor + (late // target.every + 1) * target.every
        heapq.heappush(self._line, (target.next, target.key))

    def _begin(self) -> None:
        """Ask all that is due, and set the alarm for the next one."""
        now = self._clock.now()
        blocking: list[_Target] = []
        while self._line and self._line[0][0] <= now:
            due, key = heapq.heappop(self._line)
            target = self._targets.get(key)
            if target is None or target.next != due:
                continue
            self._schedule(target, due)
            if target.asked or target.stuck >= STUCK_MAX:
                continue
            target.asked, target.slot = True, due
            if inspect.iscoroutinefunction(inspect.unwrap(target.function)):
                self._go(self._ask(target))
            else:
                blocking.append(target)
        if blocking:
            self._go(self._ask_blocking(blocking))
        if self._line:
            self._alarm.set(max(self._line[0][0], now + round(self._tick * SECOND)), now)

    def _go(self, asking: Any) -> None:
        task = asyncio.get_running_loop().create_task(asking, name="ensue-poll")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, target: _Target) -> None:
        try:
            async with asyncio.timeout(self._deadline) as bound:
                try:
                    outcome: Outcome = (await target.function(), None)
                except asyncio.CancelledError:
                    raise
                except BaseException as error:  # user code may raise anything, SystemExit too
                    outcome = None, error
        except TimeoutError:
            self._late(target)
            return
        if bound.expired():
            self._late(target)
        else:
            self._told(target, outcome)

    async def _ask_blocking(self, targets: list[_Target]) -> None:
        round_ = Round([(each, each.function) for each in targets], self._told, self._given_up, self._back)
        await round_.ask(self._clock, self._offload, self._deadline)

    def _given_up(self, target: _Target) -> None:
        target.stuck += 1
        self._late(target)

    def _back(self, target: _Target) -> None:
        target.stuck -= 1

    # What came of it.

    def _told(self, target: _Target, outcome: Outcome) -> None:
        value, raised = outcome
        if raised is not None:
            self._fail(target, "raised", said(raised))
            return
        try:
            fire = fired(value)
        except TypeError as error:
            self._fail(target, "not an answer", str(error))
            return
        target.failures = 0
        target.asked = False
        if fire is not None and not target.gone:
            self._answer(Polled(target.key, target.slot, fire))

    def _late(self, target: _Target) -> None:
        self._fail(target, "timeout", f"ran longer than {self._deadline:g} s")

    def _fail(self, target: _Target, reason: str, error: str) -> None:
        """Say that there is no answer: the first time, the second, the fourth, ... of a row."""
        target.asked = False
        target.failures += 1
        if target.gone or target.failures & (target.failures - 1):
            return
        self._answer(Polled(target.key, target.slot, None, reason, error, target.failures))

    def _answer(self, polled: Polled) -> None:
        self._answers.append(polled)
        self.some.set()


def said(error: BaseException) -> str:
    """Write an exception of a user's as text; its own code may fail, too."""
    try:
        return f"{type(error).__qualname__}: {error}"[:2_000]
    except BaseException:
        return type(error).__qualname__
