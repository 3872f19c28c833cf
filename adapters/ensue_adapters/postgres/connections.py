"""The connections: how they are made, shared and given back."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from ensue_adapters.postgres.place import Place, parse_url
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.statements import Statements
from ensue_adapters.postgres.texts import from_stored, to_stored
from ensue_adapters.postgres.trouble import Trouble, is_blind, is_gone
from ensue_core.errors import CommitUnknown, StoreUnavailable

if TYPE_CHECKING:
    from asyncpg import Connection, Record
    from asyncpg.pool import Pool, PoolConnectionProxy

OLDEST = (14, 0)
"""The first version of Postgres that is tested."""

# A process that stands still must not keep the log lock, and nobody waits for ever. Every statement has its index;
# a plan that was made while a table was empty must not go on reading it whole when it is full.
SETTINGS = {
    "default_transaction_isolation": "read committed",
    "statement_timeout": "30s",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "15s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30s",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
}
"""How a connection is set that is ours alone; sql/store/begin_pooled.sql says it of a transaction."""


class Connections:
    """A bounded number of connections to one place, made when they are needed."""

    def __init__(self, place: Place, statements: Statements) -> None:
        self.pooled = place.pooled
        self.begin = "store/begin_pooled" if place.pooled else "store/begin"
        self._place = place
        self.statements = statements
        self.greet: Callable[[Session], Awaitable[None]] | None = None
        """What is asked of each new connection before it is used."""
        self._lock_timeout = SETTINGS["lock_timeout"]
        self._pool: Pool[Record] | None = None
        self._at_hand: list[PoolConnectionProxy[Record]] = []
        self._queue = 0

    async def open(self) -> None:
        """Be ready to make connections."""
        pool = asyncpg.create_pool(
            min_size=0,
            max_size=self._place.connections_max,
            max_inactive_connection_lifetime=300.0,
            init=self._prepare,
            reset=_leave,
            **arguments(self._place),
        )
        try:
            self._pool = await pool
        except BaseException:
            pool.terminate()
            raise

    async def _prepare(self, connection: Connection[Record] | PoolConnectionProxy[Record]) -> None:
        """Make a new connection ready. Raises `StoreUnavailable` where its settings were lost on the way."""
        await prepare(connection)
        if not self.pooled:
            row = await Session(connection, self.statements).row("store/lock_timeout")
            if row is None or row[0] != self._lock_timeout:
                raise StoreUnavailable(
                    f"{self._place.name} goes through a pooler that drops the settings of a connection: add "
                    "pooler=transaction to the URL, and listen= with a direct address"
                )
        if self.greet is not None:
            async with connection.transaction():
                await self.greet(Session(connection, self.statements))

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[Session, None]:
        """Borrow a connection; one that was lost meanwhile is not given to the next."""
        if self._pool is None:
            raise StoreUnavailable(f"{self._place.name} is closed: open the engine before you use it")
        pool = self._pool
        connection = self._taken() or await self._borrow(pool)
        session = Session(connection, self.statements)
        well = False
        try:
            yield session
            well = True
        except (CommitUnknown, *Trouble) as error:
            # At once, before the driver can ask the server to cancel what took too long: a commit that waits for its
            # standby, and is cancelled, is seen by all though no standby has it.
            if isinstance(error, (CommitUnknown, TimeoutError)) or is_gone(error):
                session.abandon()
            elif is_blind(error):
                await session.end()
            raise
        finally:
            if well and not self._queue and pool is self._pool and not connection.is_closed():
                self._at_hand.append(connection)
            else:
                await pool.release(connection)

    def _taken(self) -> PoolConnectionProxy[Record] | None:
        """Return the connection that was used last: the pool's ceremony costs as much as a statement."""
        while self._at_hand:
            connection = self._at_hand.pop()
            if not connection.is_closed():
                return connection
            Session(connection, self.statements).abandon()
        return None

    async def _borrow(self, pool: Pool[Record]) -> PoolConnectionProxy[Record]:
        self._queue += 1
        try:
            return await pool.acquire(timeout=self._place.command_seconds)
        except TimeoutError as error:
            if pool.get_size() < pool.get_max_size() or pool.get_idle_size():
                raise
            raise StoreUnavailable(
                f"all {pool.get_max_size()} connections to {self._place.name} stayed busy: look for what takes so "
                "long, or raise pool= in the URL"
            ) from error
        finally:
            self._queue -= 1

    @asynccontextmanager
    async def reading(self, begin: str | None = None) -> AsyncGenerator[Session, None]:
        """Borrow a connection to read with, in a transaction that begins so.

        None needs none; but through a pooler, only a transaction keeps its statements on one connection.
        """
        async with self.session() as session:
            if begin is None and not self._place.pooled:
                yield session
                return
            await session.script(begin or self.begin)
            try:
                yield session
            finally:
                await session.undo()

    async def close(self) -> None:
        """Close what is idle and wait a moment for what is not."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(5):
                while self._at_hand:
                    await pool.release(self._at_hand.pop())
                await pool.close()
        except (TimeoutError, asyncpg.InterfaceError, OSError):
            pool.terminate()


def arguments(place: Place) -> dict[str, Any]:
    """Return what the driver takes to connect to a place."""
    return {
        "host": list(place.hosts),
        "port": list(place.ports),
        "user": place.user,
        "password": place.password,
        "database": place.database,
        "ssl": security(place),
        "timeout": place.connect_seconds,
        "command_timeout": place.command_seconds,
        "statement_cache_size": 0 if place.pooled else 1024,
        "max_cached_statement_lifetime": 0,
        "server_settings": {"application_name": place.application} if place.pooled else _settings(place),
        "target_session_attrs": "any" if place.pooled else "read-write",
    }


def _settings(place: Place) -> dict[str, str]:
    return {"application_name": place.application, **SETTINGS}


def listening_place(place: Place) -> Place | None:
    """Return where to LISTEN: the direct address that was named, or the place itself if it is direct."""
    if place.listen is not None:
        return parse_url(place.listen)
    return None if place.pooled else place


def security(place: Place) -> ssl.SSLContext | str | bool:
    """Return how a connection is protected: verified, unless the URL says otherwise or nothing crosses a network."""
    if place.sslmode == "disable":
        return False
    if place.sslmode in ("allow", "prefer") and place.sslrootcert is None:
        return place.sslmode
    try:
        context = ssl.create_default_context(cafile=place.sslrootcert)
        if place.sslcert is not None:
            context.load_cert_chain(place.sslcert, place.sslkey)
    except OSError as error:
        raise StoreUnavailable(
            f"the certificates for {place.name} cannot be read ({error}): correct the URL"
        ) from error
    if place.sslmode != "verify-full":
        context.check_hostname = False
    if place.sslmode == "require" and place.sslrootcert is None:
        context.verify_mode = ssl.CERT_NONE
    return context


async def prepare(connection: Connection[Record] | PoolConnectionProxy[Record]) -> None:
    """Let ids travel as hex and texts whole."""
    async with connection.transaction():
        await connection.set_type_codec(
            "uuid", encoder=bytes.fromhex, decoder=bytes.hex, schema="pg_catalog", format="binary"
        )
        await connection.set_type_codec(
            "text", encoder=to_stored, decoder=from_stored, schema="pg_catalog", format="text"
        )


async def _leave(connection: Connection[Record] | PoolConnectionProxy[Record]) -> None:
    """Give a connection back as it is: our transactions leave nothing on it."""
