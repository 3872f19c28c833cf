"""A simulated SQL server under the memory store: what an order of commits must come from, and everything in its way.

Users' transactions insert into an intake, whose numbers come from a sequence at the insert and which shows a row at its
commit. The engine's own transactions take the log lock, move what is committed in the intake into the log, and show
all they did at their commit. Between lock and commit time passes, their process may die (the server sees it later, and
keeps the lock until then), and the answer to a COMMIT may be lost: it was done, was not, or will be.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from ensue_adapters.memory import Line
from ensue_adapters.memory.space import Space
from ensue_core.errors import CommitUnknown, StoreUnavailable
from ensue_core.records import Draft
from tests.simulation.faults import FaultyLine, Trouble
from tests.simulation.loop import PROCESS

T = TypeVar("T")

LOCKING = frozenset({"log.append", "decisions.commit", "work.claim", "work.finish", "work.cancel"})
"""Operations that enter the log, and so take its lock."""

IDLE_SECONDS_MAX = 15.0
"""How long a transaction may stand still before the server ends its session."""

LOCK_SECONDS_MAX = 20.0
"""How long one waits for the log lock."""

NOTICED_SECONDS = 3.0
"""When the server has seen that a client is gone, at the latest."""

POLL_SECONDS = 1.0
"""How long a row of the intake waits, at most, in a namespace where nobody appends."""

Flaw = Literal["", "drains past a number", "appends without draining", "shows rows before their commit"]
"""What a wrong server does; the checks must notice."""


@dataclass
class Row:
    """A row of the intake."""

    number: int
    draft: Draft
    state: Literal["open", "committed", "undone"] = "open"


@dataclass(eq=False)
class Session:
    """A transaction that has the log lock, or waits for it."""

    process: str
    entered: asyncio.Future[None]
    committing: bool = False
    """Its COMMIT has arrived: nobody can undo it any more."""
    ended: bool = False


@dataclass
class Server:
    """The log lock and the intake of one namespace."""

    trouble: Trouble
    space: Space
    now: Callable[[], int]
    flaw: Flaw = ""
    intake: list[Row] = field(default_factory=list[Row])
    counts: Counter[str] = field(default_factory=Counter[str])
    _queue: deque[Session] = field(default_factory=deque[Session])
    _drained: int = 0
    _number: int = 0

    # The engine's transactions.

    def enter(self, process: str) -> Session:
        """Ask for the log lock: its turn comes when those before have ended."""
        session = Session(process, self.trouble.loop.create_future())
        self._queue.append(session)
        self._next()
        return session

    def commit(self, session: Session, act: Callable[[], T]) -> T:
        """Drain the intake, do what was asked, show it all, and give the lock to the next."""
        if session.ended:
            raise StoreUnavailable("the simulated server has ended the session: nothing was done")
        try:
            if self.flaw != "appends without draining":
                self.drain()
            return act()
        finally:
            self.end(session)

    def end(self, session: Session) -> None:
        """End a transaction, done or undone."""
        if not session.ended:
            session.ended = True
            self._queue.remove(session)
            self._next()

    def gone(self, process: str) -> None:
        """Notice, a while later, that a process has died, and undo what it left open."""
        for session in [each for each in self._queue if each.process == process]:
            self.counts["died inside a transaction"] += session is self._queue[0]
            if not session.committing:
                self.lose(session)

    def lose(self, session: Session) -> None:
        """Its connection is gone: the server sees it in a while, and undoes the transaction."""
        self.trouble.later("undo", lambda: self.end(session), self.trouble.draw.random() * NOTICED_SECONDS)

    def _next(self) -> None:
        if self._queue and not self._queue[0].entered.done():
            session = self._queue[0]
            session.entered.set_result(None)
            self.trouble.later("expire", lambda: self._expire(session), IDLE_SECONDS_MAX)

    def _expire(self, session: Session) -> None:
        if not session.ended:
            self.counts["stood still for too long"] += 1
            self.end(session)

    # Users' transactions.

    def insert(self, draft: Draft) -> Row:
        """Put a row into the intake; its number is taken now, whenever it will be seen."""
        self._number += 1
        row = Row(self._number, draft)
        self.intake.append(row)
        return row

    def end_order(self, rows: Sequence[Row], state: Literal["committed", "undone"]) -> None:
        """Commit or undo a user's transaction; somebody's poll finds what was committed."""
        for row in rows:
            row.state = state
        if state == "committed":
            late = any(row.number <= self._drained for row in rows)
            self.counts["committed after a later number was drained"] += late
            self.trouble.later("drain", self._poll, self.trouble.draw.random() * POLL_SECONDS)

    def drain(self) -> None:
        """Move committed rows into the log, in the order of their numbers."""
        rows = [row for row in self.intake if row.state == "committed"]
        if self.flaw == "shows rows before their commit":
            rows = [row for row in self.intake if row.state != "undone"]
        if self.flaw == "drains past a number":
            rows = [row for row in rows if row.number > self._drained]
        if rows:
            self.counts["drained"] += len(rows)
            self._drained = max(self._drained, *(row.number for row in rows))
            self.space.append([row.draft for row in rows], self.now())
            self.intake = [row for row in self.intake if row not in rows]

    def _poll(self) -> None:
        if not self._queue:
            self.drain()
        else:
            self.trouble.later("drain", self._poll, 0.05)


class SqlLine(FaultyLine):
    """One process's line to the server."""

    def __init__(self, trouble: Trouble, server: Server) -> None:
        super().__init__(trouble)
        self._server = server

    async def carry(self, operation: str, act: Callable[[], T]) -> T:
        """Run an operation; one that enters the log runs in a transaction that holds its lock."""
        if operation not in LOCKING:
            return await super().carry(operation, act)
        trouble, rates = self._trouble, self._trouble.rates
        await self._delay()
        if not trouble.over and trouble.loop.time() < trouble.away_until:
            raise StoreUnavailable(f"{operation}: the simulated store is away")
        if trouble.happens(rates.unavailable):
            trouble.counts["unavailable"] += 1
            raise StoreUnavailable(f"{operation}: the simulated store was not reached")
        session = self._server.enter(PROCESS.get())
        try:
            async with asyncio.timeout(LOCK_SECONDS_MAX):
                await session.entered
        except TimeoutError:
            self._server.end(session)
            trouble.counts["lock not had in time"] += 1
            raise StoreUnavailable(f"{operation}: the simulated log stayed locked") from None
        except asyncio.CancelledError:
            self._server.end(session)
            raise
        return await self._transaction(operation, session, act)

    async def _transaction(self, operation: str, session: Session, act: Callable[[], T]) -> T:
        """Everything from the lock to the answer. What it has inserted is seen by nobody before the commit."""
        trouble, rates, server = self._trouble, self._trouble.rates, self._server
        try:
            if trouble.happens(rates.killed):
                await self._die(f"inside {operation}")
            await self._delay()
        except asyncio.CancelledError:
            # A store's transactions are tasks of its own: the caller is gone, and it commits.
            server.commit(session, act)
            raise
        if trouble.happens(rates.undone):
            trouble.counts[f"unknown, not done: {operation}"] += 1
            server.lose(session)
            raise CommitUnknown(f"{operation}: the connection was lost, and the COMMIT with it")
        if trouble.happens(rates.done_later):
            trouble.counts[f"unknown, done later: {operation}"] += 1
            session.committing = True
            seconds = trouble.draw.random() * min(rates.later_seconds, NOTICED_SECONDS)
            trouble.later(operation, lambda: server.commit(session, act), seconds)
            raise CommitUnknown(f"{operation}: the connection was lost while the COMMIT was on its way")
        answer = server.commit(session, act)
        self._note(operation, answer)
        if trouble.happens(rates.killed):
            await self._die(f"after {operation}")
        await self._delay()
        if trouble.happens(rates.done_unknown):
            trouble.counts[f"unknown, done: {operation}"] += 1
            raise CommitUnknown(f"{operation}: the answer to the COMMIT was lost")
        return answer

    async def _die(self, where: str) -> None:
        """Die, if this is a process that can: a client of the simulation cannot, and must not keep the lock."""
        process = PROCESS.get()
        if process:
            self._trouble.kill(process, where)
            if self._trouble.loop.is_dead(process):
                await asyncio.get_running_loop().create_future()


_: type[Line] = SqlLine


# A user's program, with transactions of its own.


@dataclass
class Orders:
    """What users' transactions did: when each row was inserted and acknowledged, and what must come of it."""

    server: Server
    draw: random.Random
    steps: Callable[[], int]
    sent: list[tuple[int, int, Row]] = field(default_factory=list[tuple[int, int, Row]])

    async def place(self, drafts: Sequence[Draft]) -> None:
        """Insert rows one by one, then commit, or think better of it; other transactions go on meanwhile."""
        rows: list[tuple[int, Row]] = []
        for each in drafts:
            rows.append((self.steps(), self.server.insert(each)))
            await asyncio.sleep(self.draw.choice([0.0, 0.01, 0.5, 5.0]) * self.draw.random())
        undone = self.draw.random() < 0.3
        self.server.end_order([row for _, row in rows], "undone" if undone else "committed")
        self.sent += [(began, 0 if undone else self.steps(), row) for began, row in rows]

    def acked(self) -> list[tuple[int, int, Sequence[str], Sequence[int]]]:
        """Return what was acknowledged, each with the place it came to, as the checker takes it."""
        ids = self.server.space.ids
        return [
            (began, done, (row.draft.id,), (ids[row.draft.id],))
            for began, done, row in self.sent
            if done and row.draft.id in ids
        ]

    def wrong(self) -> list[str]:
        """Say which rows are missing in the log, and which should not be there."""
        ids = self.server.space.ids
        return [
            f"a row with number {row.number} was {'committed and is not' if done else 'undone and is'} in the log"
            for _, done, row in self.sent
            if bool(done) != (row.draft.id in ids)
        ]
