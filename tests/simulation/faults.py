"""What goes wrong between a process and its store, drawn from the seed.

A `FaultyLine` carries one process's operations to the memory store's world: late, in vain, twice, or with the
answer lost, so that the process does not know whether it was done, was not, or will be. How often is drawn
for each seed (a swarm): some runs are calm, some wild, some have one kind of fault only.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

from ensue_adapters.memory import Line
from ensue_core.errors import CommitUnknown, StoreUnavailable
from ensue_core.ports import Outrun, Superseded
from tests.simulation.loop import PROCESS, SimLoop

T = TypeVar("T")

WRITES = frozenset(
    {
        "log.append",
        "decisions.commit",
        "work.claim",
        "work.renew",
        "work.finish",
        "work.cancel",
        "views.project",
        "views.fold",
        "views.let",
    }
)
"""Operations that change the world: their outcome can be unknown."""


@dataclass
class Rates:
    """How often each thing goes wrong, as a share of operations; seconds where it says so."""

    delayed: float = 0.0
    delay_seconds: float = 0.05
    unavailable: float = 0.0
    undone: float = 0.0
    done_unknown: float = 0.0
    done_later: float = 0.0
    later_seconds: float = 5.0
    twice: float = 0.0
    killed: float = 0.0
    lies: float = 0.0
    clock_steps: float = 0.0
    short_pages: float = 0.0

    @classmethod
    def drawn(cls, draw: random.Random) -> Rates:
        """Draw a mix: each kind of fault is off in half of the runs, and wild in a few."""
        rates = cls(
            delay_seconds=draw.choice([0.0, 0.002, 0.02, 0.2, 2.0]), later_seconds=draw.choice([0.05, 1, 5, 40])
        )
        wild = draw.random() < 0.2
        for each in fields(cls):
            if not each.name.endswith("seconds") and draw.random() < 0.5:
                setattr(rates, each.name, draw.choice([0.001, 0.01, 0.05]) * (3 if wild else 1))
        rates.delayed = draw.choice([0.0, 0.1, 0.5, 1.0])
        rates.killed = min(rates.killed, 0.01)
        rates.short_pages = draw.choice([0.0, 0.05, 0.5])
        return rates


@dataclass
class Trouble:
    """The trouble of one run: its rates, whether it is over, outages, and what happened."""

    loop: SimLoop
    draw: random.Random
    rates: Rates
    kill: Callable[[str, str], None]
    step_clock: Callable[[str], None]
    over: bool = False
    away_until: float = 0.0
    counts: Counter[str] = field(default_factory=Counter[str])
    late: list[tuple[str, BaseException]] = field(default_factory=list[tuple[str, BaseException]])
    """What operations that happened after their caller had gone raised."""

    def happens(self, rate: float) -> bool:
        """Whether something that happens at a rate happens now."""
        return not self.over and rate > 0 and self.draw.random() < rate

    def later(self, operation: str, act: Callable[[], object], seconds: float) -> None:
        """Do an operation after its caller has stopped waiting, and even if it dies."""

        def land() -> None:
            try:
                act()
            except Exception as error:
                self.late.append((operation, error))

        context = Context()
        context.run(PROCESS.set, "")
        self.loop.call_later(seconds, land, context=context)


class FaultyLine:
    """One process's line."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble

    async def carry(self, operation: str, act: Callable[[], T]) -> T:
        """Bring an operation about, more or less."""
        trouble, rates = self._trouble, self._trouble.rates
        await self._delay()
        if trouble.happens(rates.killed):
            await self._die(f"before {operation}")
        if not trouble.over and trouble.loop.time() < trouble.away_until:
            raise StoreUnavailable(f"{operation}: the simulated store is away")
        if trouble.happens(rates.unavailable):
            trouble.counts["unavailable"] += 1
            raise StoreUnavailable(f"{operation}: the simulated store was not reached")
        if operation in WRITES:
            self._lose(operation, act)
        if operation.startswith("leases.") and trouble.happens(rates.lies):
            trouble.counts["lease lie"] += 1
            answer: Any = self._lie(operation, act)
        else:
            answer = act()
        if operation == "log.read" and len(answer) > 1 and trouble.happens(rates.short_pages):
            trouble.counts["short page"] += 1
            answer = answer[: trouble.draw.randint(1, len(answer))]
        self._note(operation, answer)
        if trouble.happens(rates.clock_steps):
            trouble.step_clock(PROCESS.get())
        if operation in WRITES and trouble.happens(rates.twice):
            trouble.counts["sent twice"] += 1
            trouble.later(operation, act, trouble.draw.random() * rates.later_seconds)
        if trouble.happens(rates.killed):
            await self._die(f"after {operation}")
        await self._delay()
        if operation in WRITES and trouble.happens(rates.done_unknown):
            trouble.counts[f"unknown, done: {operation}"] += 1
            raise CommitUnknown(f"{operation}: the answer was lost")
        return cast(T, answer)

    def _lose(self, operation: str, act: Callable[[], object]) -> None:
        """Lose a request for good, or let it happen later; its caller cannot tell."""
        trouble, rates = self._trouble, self._trouble.rates
        if trouble.happens(rates.undone):
            trouble.counts[f"unknown, not done: {operation}"] += 1
            raise CommitUnknown(f"{operation}: the request was lost")
        if trouble.happens(rates.done_later):
            trouble.counts[f"unknown, done later: {operation}"] += 1
            trouble.later(operation, act, trouble.draw.random() * rates.later_seconds)
            raise CommitUnknown(f"{operation}: no answer in time")

    def _lie(self, operation: str, act: Callable[[], T]) -> Any:
        """Answer wrongly about a lease: held by two, lost while held, or nobody seen."""
        if operation == "leases.holders":
            return []
        if operation == "leases.hold":
            if self._trouble.draw.random() < 0.5:
                return True
            act()
            return False
        return act()

    def _note(self, operation: str, answer: object) -> None:
        if isinstance(answer, Superseded):
            self._trouble.counts["Step superseded"] += 1
        elif isinstance(answer, Outrun):
            self._trouble.counts["Step outrun"] += 1
        elif operation == "work.finish" and isinstance(answer, list) and not all(cast("list[bool]", answer)):
            self._trouble.counts["end too late"] += 1
        elif operation == "work.renew" and isinstance(answer, list) and not all(cast("list[bool]", answer)):
            self._trouble.counts["lease lost while running"] += 1
        elif operation == "views.project" and answer is False:
            self._trouble.counts["page superseded"] += 1

    async def _delay(self) -> None:
        trouble, rates = self._trouble, self._trouble.rates
        if trouble.happens(rates.delayed):
            await asyncio.sleep(trouble.draw.random() * rates.delay_seconds)
        else:
            await asyncio.sleep(0)

    async def _die(self, where: str) -> None:
        process = PROCESS.get()
        if process:
            self._trouble.kill(process, where)
            await asyncio.get_running_loop().create_future()


_: type[Line] = FaultyLine
