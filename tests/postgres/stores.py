"""What the Postgres tests stand on: open stores, bare connections, and a way to hold a writer open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, Self

import asyncpg

from ensue.testing.conformance.drafts import event
from ensue_adapters.postgres import PostgresStore
from ensue_adapters.postgres.place import parse_url
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.writer import Writer
from ensue_core.clock import SYSTEM_CLOCK, Clock
from ensue_core.facts import EventEmitted
from ensue_core.ports import Store
from ensue_core.records import Record

if TYPE_CHECKING:
    from asyncpg import Connection
    from asyncpg import Record as Row


@asynccontextmanager
async def opened(
    url: str, options: str = "", namespace: str = "test", clock: Clock = SYSTEM_CLOCK
) -> AsyncGenerator[PostgresStore, None]:
    """Open a store and close it."""
    store = PostgresStore(parse_url(url + options), namespace, clock)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Connection[Row], None]:
    """A bare connection whose unqualified names mean the schema of the URL."""
    place = parse_url(url)
    connection: Connection[Row] = await asyncpg.connect(
        host=list(place.hosts),
        port=list(place.ports),
        user=place.user,
        password=place.password,
        database=place.database,
        server_settings={"search_path": place.schema},
    )
    try:
        yield connection
    finally:
        connection.terminate()


def writer_of(store: PostgresStore) -> Writer:
    """The writer of an open store."""
    writer = store._writer
    assert writer is not None
    return writer


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that nothing tells of."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Held:
    """An append that has inserted its records and waits before its commit, or before it fails."""

    def __init__(self, store: PostgresStore, *codes: str, fails: bool = False) -> None:
        self.inserted = asyncio.Event()
        self.may_commit = asyncio.Event()
        self._codes = codes
        self._fails = fails
        self.task = asyncio.ensure_future(writer_of(store).run(self._job))

    async def _job(self, tx: Transaction) -> None:
        await tx.append([event(code) for code in self._codes])
        self.inserted.set()
        await self.may_commit.wait()
        if self._fails:
            raise ValueError("on purpose")


async def whole(store: Store) -> list[Record]:
    """The whole log, page by page."""
    records: list[Record] = []
    while page := await store.log.read(records[-1].position if records else 0, 1000):
        records += page
    return records


async def codes(store: Store) -> list[str]:
    """The codes of all events, in order; checks that positions are dense."""
    records = await whole(store)
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    return [record.fact.code for record in records if isinstance(record.fact, EventEmitted)]


async def emit(connection: Connection[Any], code: str, namespace: str = "test", **more: str) -> str | None:
    """Emit with the SQL function, as any program would."""
    names = "".join(f", {name} => ${place}" for place, name in enumerate(more, 3))
    found = await connection.fetchval(f"SELECT emit($1, $2{names})", namespace, code, *more.values())
    return None if found is None else found.hex


class Proxy:
    """Stands between a store and the server, and cuts where it is told to.

    `cut_at` is looked for in what the client sends: "before" loses it, "after" loses the answer to it.
    """

    def __init__(self, url: str) -> None:
        place = parse_url(url)
        self._to = (place.hosts[0], place.ports[0])
        self._url = url
        self.cut_at: bytes | None = None
        self.cut: Literal["before", "after"] = "after"
        self.cuts = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The store's URL, through the proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return self._url.replace(f":{self._to[1]}/", f":{port}/")

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *about: object) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()
        await asyncio.sleep(0)

    def drop(self) -> None:
        """Cut every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, far_writer}
        self._writers |= both
        state = {"deaf": False}
        try:
            await asyncio.gather(
                self._forward(reader, far_writer, state, True), self._forward(far_reader, writer, state, False)
            )
        except OSError:
            pass
        finally:
            self._writers -= both
            for each in both:
                each.transport.abort()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict[str, bool], sending: bool
    ) -> None:
        while data := await reader.read(65536):
            if sending and self.cut_at is not None and self.cut_at in data:
                self.cut_at = None
                self.cuts += 1
                if self.cut == "before":
                    raise ConnectionResetError("cut")
                state["deaf"] = True
            elif not sending and state["deaf"]:
                raise ConnectionResetError("cut")
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError("closed")
