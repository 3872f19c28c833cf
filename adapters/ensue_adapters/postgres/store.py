"""The store: connects, holds the ports together, closes in the right order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import uuid4

from ensue_adapters.postgres import health, rebuild, schema
from ensue_adapters.postgres.appender import Appender
from ensue_adapters.postgres.archive import PostgresArchive
from ensue_adapters.postgres.connections import Connections, listening_place
from ensue_adapters.postgres.decisions import PostgresDecisions
from ensue_adapters.postgres.generations import PostgresGenerations
from ensue_adapters.postgres.leases import PostgresLeases
from ensue_adapters.postgres.listener import Listener
from ensue_adapters.postgres.log import PostgresLog
from ensue_adapters.postgres.offsets import PostgresOffsets
from ensue_adapters.postgres.outbox import PostgresOutbox
from ensue_adapters.postgres.pages import bytes_of, records_of
from ensue_adapters.postgres.place import Place, parse_url
from ensue_adapters.postgres.reader import Reader
from ensue_adapters.postgres.server_clock import ServerClock
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.space import Space
from ensue_adapters.postgres.statements import Statements
from ensue_adapters.postgres.tasks import OwnTasks
from ensue_adapters.postgres.trouble import Trouble, translate
from ensue_adapters.postgres.views import PostgresViews
from ensue_adapters.postgres.work import PostgresWork
from ensue_adapters.postgres.writer import Writer
from ensue_adapters.sql.recent import Recent
from ensue_adapters.sql.watch import Watch
from ensue_core.archive import Archive
from ensue_core.clock import Clock, SystemClock
from ensue_core.defaults import SECOND
from ensue_core.errors import StoreUnavailable
from ensue_core.generations import Generations
from ensue_core.ports import Decisions, Health, Leases, Log, OpenStore, Outbox, Store, Views, Work
from ensue_core.records import Record
from ensue_core.topics import Offsets

_FEW = 32
"""Records of others that come with a look, as those who were waiting will read them."""


class PostgresStore:
    """One namespace of one Postgres schema. It belongs to the event loop that opens it."""

    log: Log
    decisions: Decisions
    work: Work
    leases: Leases
    views: Views
    offsets: Offsets
    outbox: Outbox
    generations: Generations

    def __init__(self, place: Place, namespace: str, clock: Clock) -> None:
        self.namespace = namespace
        # Hosts agree on the server's time; a virtual clock is its own truth.
        self.clock: Clock = ServerClock(clock) if isinstance(clock, SystemClock) else clock
        self._host_clock = clock
        self._place = place
        self._connections: Connections | None = None
        self._tasks: OwnTasks | None = None
        self._recent = Recent()
        self._watch: Watch | None = None
        self._listener: Listener | None = None
        self._writer: Writer | None = None
        self._appender: Appender | None = None

    async def open(self) -> None:
        """Connect; make the schema where there is none. One clear error where that cannot be."""
        if self._connections is not None:
            return
        # The work of opening is ours too: a caller who gives up leaves nothing half open.
        opening = asyncio.ensure_future(self._open())
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.gather(opening, return_exceptions=True)
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was asked and let go of everything. Repeating it does nothing."""
        if self._watch is not None:
            await self._watch.close()
        if self._tasks is not None:
            await self._tasks.close()
        if self._listener is not None:
            await self._listener.close()
        if self._connections is not None:
            await self._connections.close()
        self._connections = self._watch = self._listener = self._writer = self._appender = None

    def archive(self) -> Archive:
        """Return the same namespace for reading alone, not yet open."""
        return PostgresArchive(self._place, self.namespace)

    async def rebuild_decisions(self) -> None:
        """Drop the decision views and fold them again from the log, in one transaction."""
        await self._opened().run(rebuild.rebuild)

    async def dump_decisions(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every decision view's rows, sorted, without leases."""
        writer = self._opened()
        return await writer.snapshot(lambda session: rebuild.dump(session, writer.space.number))

    async def health(self) -> Sequence[Health]:
        """Look at the schema as `ensue doctor` shows it."""
        writer = self._opened()
        hears = self._listener is not None and self._listener.hears
        off = (self._host_clock.now() - self.clock.now()) / SECOND
        return await writer.read(
            lambda session: health.look(session, self._place, writer.space, self.clock, off, hears)
        )

    async def _open(self) -> None:
        place, statements = self._place, Statements(self._place.schema)
        connections = Connections(place, statements)
        try:
            await connections.open()
            try:
                space = await self._prepare(connections)
            except BaseException:
                await connections.close()
                raise
        except Trouble as error:
            raise translate(error, place) from error
        self._connections = connections
        self._tasks = OwnTasks(place.name)
        self._recent = Recent()
        self._writer = Writer(place, connections, self._tasks, space, self.clock, self._committed)
        self._appender = Appender(self._writer)
        loop = asyncio.get_running_loop()
        self._watch = Watch(loop, self._look, place.deaf_poll_seconds)
        reader = Reader(self._writer, self._recent)
        self.log = PostgresLog(self._writer, self._appender, reader, self._watch)
        self.decisions = PostgresDecisions(self._writer)
        self.work = PostgresWork(self._writer, reader)
        self.leases = PostgresLeases(self._writer)
        self.views = PostgresViews(self._writer)
        self.offsets = PostgresOffsets(self._writer)
        self.outbox = PostgresOutbox(self._writer, place, loop)
        await self._writer.read(self._writer.recognise)
        self.generations = PostgresGenerations(self._writer)
        direct = listening_place(place)
        if direct is not None:
            self._listener = Listener(direct, space, statements, self._heard, self._hears)
            await self._listener.open()

    async def _prepare(self, connections: Connections) -> Space:
        """See that the schema is there and is ours, and find the namespace's number in it."""
        async with connections.reading() as session:
            ready = await schema.check(session, self._place)
        if not ready:
            await schema.upgrade(self._place)
        async with connections.reading() as session:
            number = await self._number(session)
        if number is None:
            async with connections.session() as session, session.connection.transaction():
                await session.run("store/add_namespace", name=self.namespace)
            async with connections.reading() as session:
                number = await self._number(session)
        assert number is not None
        channel = f"{self._place.schema}.{number}"
        mine = "" if listening_place(self._place) is None else f"{channel}.{uuid4().hex[:12]}"
        return Space(self.namespace, number, channel, mine)

    async def _number(self, session: Session) -> int | None:
        row = await session.row("store/namespace", name=self.namespace)
        return None if row is None else int(row[0])

    async def _look(self) -> int:
        """Read the head; what somebody's transaction put into the intake enters the log now."""
        writer, appender = self._opened(), self._appender
        position, waiting = await writer.read(self._head_and_intake)
        if waiting and appender is not None:
            await appender.drain()
        return position

    async def _head_and_intake(self, session: Session) -> tuple[int, bool]:
        assert self._writer is not None
        witness = self._writer.witness
        seen, asked = witness.position, self.clock.monotonic()
        rows = await session.rows("log/look_on", namespace=self._writer.space.number, after=seen, few=_FEW)
        position, _, waiting, id, micros, first, *_ = rows[0]
        self._writer.learn(micros, asked)
        witness.check_head(position, seen)
        if id is not None:
            witness.saw(position, id)
        if first is not None:
            new = [row[5:] for row in rows]
            self._recent.read(records_of(new), bytes_of(new))
        return position, waiting

    def _committed(self, records: Sequence[Record], size: int) -> None:
        """Before the writers' callers go on: keep the records and wake who waits for them."""
        self._recent.committed(records, size)
        if self._watch is not None:
            self._watch.advance(records[-1].position)

    def _heard(self) -> None:
        """Somebody else has committed."""
        if self._watch is not None:
            self._watch.hinted()

    def _hears(self, hears: bool) -> None:
        """The listener works, or it does not: then polling has to be faster."""
        if self._watch is not None:
            self._watch.poll_seconds = self._place.poll_seconds if hears else self._place.deaf_poll_seconds
            self._watch.hinted()

    def _opened(self) -> Writer:
        if self._writer is None:
            raise StoreUnavailable(f"{self._place.name} is not open: open the engine before you use it")
        return self._writer


def open_store(url: str, namespace: str, clock: Clock) -> Store:
    """Return the store that a URL names, not yet open; raises `ConfigError` for a bad URL."""
    return PostgresStore(parse_url(url), namespace, clock)


_: OpenStore = open_store
