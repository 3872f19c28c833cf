"""Write transactions: each in a task of our own, tried again where that is safe, told about once it is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg

from ensue_adapters.postgres.connections import Connections
from ensue_adapters.postgres.place import Place
from ensue_adapters.postgres.server_clock import ServerClock
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.space import Space
from ensue_adapters.postgres.tasks import OwnTasks
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.trouble import Trouble, is_blind, is_gone, is_unknown, translate
from ensue_adapters.postgres.witness import Witness
from ensue_core.clock import Clock
from ensue_core.errors import CommitUnknown, StoreError
from ensue_core.records import Record

T = TypeVar("T")
Job = Callable[[Transaction], Awaitable[T]]

_TRIES = ((3, 0.0), (2, 0.05), (1, 0.25), (0, 1.0))
"""How many tries are left after each, and the seconds before it.

A connection that was lost before its COMMIT has left nothing.
"""


class Writer:
    """Runs functions of a transaction. A job may run several times; only its last try counts."""

    def __init__(
        self,
        place: Place,
        connections: Connections,
        tasks: OwnTasks,
        space: Space,
        clock: Clock,
        committed: Callable[[Sequence[Record], int], None],
    ) -> None:
        self.space = space
        self.clock = clock
        self.connections = connections
        self.tasks = tasks
        self.witness = Witness(place, space.name)
        self.commits = 0
        """How many commits of records this process has made."""
        self._place = place
        self._committed = committed
        connections.greet = self.recognise
        self._begin = connections.begin
        self._room = 0
        self._extending: asyncio.Task[None] | None = None

    async def run(self, job: Job[T]) -> T:
        """Run a function in a transaction and return what it returns, once that is durable."""
        return await self.tasks.run(self.run_here(job))

    async def run_here(self, job: Job[T]) -> T:
        """The same, inside a task that is ours already."""
        self.witness.refuse()
        careful = False
        for left, pause in _TRIES:
            if pause:
                await asyncio.sleep(pause)
            try:
                return await self._once(job, careful)
            except asyncpg.UniqueViolationError as error:
                if careful:
                    raise translate(error, self._place) from error
                careful = True
            except _NoRoom as error:
                if not left:
                    raise translate(error, self._place) from error
                await self._extend_to(error.position)
            except asyncpg.DeadlockDetectedError as error:
                if not left:
                    raise translate(error, self._place) from error
            except Trouble as error:
                if not left or not is_gone(error):
                    raise translate(error, self._place) from error
        raise AssertionError("the last try returns or raises")

    async def call(self, name: str, /, **values: Any) -> Any:
        """Call a function that is a whole transaction; None where it failed, and the longer way finds out why.

        For a task that is ours already. Raises `CommitUnknown` where the connection was lost meanwhile.
        """
        self.witness.refuse()
        sent = False
        try:
            async with self.connections.session() as session:
                now, space, seen = self.clock.now(), self.space, self.witness.position
                sent = True
                return await session.row(name, namespace=space.number, now=now, mine=space.mine, seen=seen, **values)
        except Trouble as error:
            if sent and is_unknown(error):
                raise self._unknown(error) from error
            return None

    async def read(self, look: Callable[[Session], Awaitable[T]]) -> T:
        """Run a function that only reads, in a task of our own."""
        return await self.tasks.run(self.read_here(look))

    async def read_here(self, look: Callable[[Session], Awaitable[T]], begin: str | None = None) -> T:
        """The same, inside a task that is ours already."""
        self.witness.refuse()
        for left, pause in _TRIES:
            if pause:
                await asyncio.sleep(pause)
            try:
                async with self.connections.reading(begin) as session:
                    return await look(session)
            except Trouble as error:
                if not left or not (is_gone(error) or is_blind(error)):
                    raise translate(error, self._place) from error
        raise AssertionError("the last try returns or raises")

    async def snapshot(self, look: Callable[[Session], Awaitable[T]]) -> T:
        """Run a function whose statements all see one moment."""

        return await self.tasks.run(self.read_here(look, "store/snapshot"))

    def told(self, records: Sequence[Record], size: int) -> None:
        """Records are durable: let everybody here know, and look after the room for more."""
        if not records:
            return
        self.commits += 1
        self.witness.saw(records[-1].position, records[-1].id)
        self._committed(records, size)
        if records[-1].position >= self._room and self._extending is None:
            self._extending = self.tasks.begin(self._extend(records[-1].position))

    async def recognise(self, session: Session) -> None:
        """See that a server that is met (again) has what was seen before, and ask it for the time."""
        position, id, asked = self.witness.position, self.witness.id, self.clock.monotonic()
        row = await session.row("log/witness", namespace=self.space.number, position=position)
        assert row is not None
        self.witness.check_record(position, id, row[0])
        self.witness.check_head(row[1], position)
        self.learn(row[2], asked)

    def learn(self, micros: int, asked: float) -> None:
        """The server has told the time, to a question of the monotonic moment `asked`."""
        if isinstance(self.clock, ServerClock):
            self.clock.told(micros, asked)

    async def _once(self, job: Job[T], careful: bool) -> T:
        async with self.connections.session() as session:
            await session.script(self._begin)
            tx = Transaction(session, self.space, self.clock, self.witness, careful)
            try:
                result = await job(tx)
            except BaseException as error:
                await session.undo()
                if is_blind(error):
                    await session.end()
                    raise _NoRoom(tx.reach) from error
                raise
            await self._commit(session)
        self.told(tx.records, tx.size)
        return result

    async def _commit(self, session: Session) -> None:
        try:
            status = await session.connection.execute(session.statements("store/commit").text)
        except Trouble as error:
            if is_unknown(error):
                raise self._unknown(error) from error
            raise
        if status != "COMMIT":
            raise StoreError(f"{self._place.name} undid a transaction at its commit: nothing was stored, try again")

    def _unknown(self, error: BaseException) -> CommitUnknown:
        return CommitUnknown(
            f"the connection to {self._place.name} was lost while a commit was on its way ({error}): look up what was "
            "stored"
        )

    async def _extend(self, position: int) -> None:
        """Make the next partition while the last one is half empty."""
        try:
            await self._extend_here(position)
        except StoreError:
            pass  # the next commit tries again, and where there is no room left, an append does and says so
        finally:
            self._extending = None

    async def _extend_here(self, position: int) -> None:
        async def look(session: Session) -> int:
            row = await session.row("log/room", namespace=self.space.number)
            return 0 if row is None else int(row[0])

        self._room = await self.read_here(look)
        if position >= self._room:
            row = await self.read_here(lambda session: session.row("log/past"))
            await self._extend_to(0 if row is None else row[0])
            self._room = await self.read_here(look)

    async def _extend_to(self, position: int) -> None:
        async def extend(tx: Transaction) -> None:
            await tx.session.row("log/extend", position=position)

        await self.run_here(extend)


class _NoRoom(Exception):
    """No partition holds a position."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the log has no partition for position {position}: see that its owner's rights are in order")
        self.position = position
