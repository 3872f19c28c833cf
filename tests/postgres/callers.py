"""A user's connections of every kind, each with a transaction open, behind one set of calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import psycopg
from psycopg.rows import dict_row
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from ensue import Emitted, Engine, Handle

AWAITED = ("asyncpg", "asyncpg pool", "async connection", "async session", "async session psycopg", "async psycopg")
BLOCKING = ("connection", "session", "psycopg")
KINDS = (*AWAITED, *BLOCKING)

AS_DICTS: Any = dict_row
"""What users make of their rows is none of the engine's business."""


class User(NamedTuple):
    """A connection with an open transaction: how to run a statement in it, and how it ends."""

    connection: Any
    blocks: bool
    run: Callable[[str], Any]
    commit: Callable[[], Any]
    rollback: Callable[[], Any]

    async def emit(self, engine: Engine, event: Any, payload: Any, **options: Any) -> Emitted:
        """Emit in the transaction."""
        call: Any = engine.sync.emit if self.blocks else engine.emit
        found: Emitted = await self._do(call, event, payload, connection=self.connection, **options)
        return found

    async def emit_many(self, engine: Engine, event: Any, payloads: Any) -> Any:
        """Emit many in the transaction."""
        call: Any = engine.sync.emit_many if self.blocks else engine.emit_many
        return await self._do(call, event, payloads, connection=self.connection)

    async def submit(self, engine: Engine, task: Any, *args: Any, **kwargs: Any) -> Handle[Any]:
        """Submit in the transaction."""
        call: Any = engine.sync.submit if self.blocks else engine.submit
        found: Handle[Any] = await self._do(call, task, *args, connection=self.connection, **kwargs)
        return found

    async def _do(self, call: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await (asyncio.to_thread(call, *args, **kwargs) if self.blocks else call(*args, **kwargs))


def plain(url: str) -> str:
    """The URL of the server and the database, as every library reads it."""
    return url.partition("?")[0]


def by(url: str, driver: str) -> str:
    """The URL as SQLAlchemy reads it."""
    return plain(url).replace("postgresql:", f"postgresql+{driver}:")


@asynccontextmanager
async def user(kind: str, url: str) -> AsyncGenerator[User, None]:
    """Open a connection of a kind and a transaction on it; what is not committed is rolled back."""
    opens: dict[str, Callable[[str], Any]] = {
        "asyncpg": _asyncpg,
        "asyncpg pool": _asyncpg_pool,
        "async connection": _async_connection,
        "async session": lambda url: _async_session(url, "asyncpg"),
        "async session psycopg": lambda url: _async_session(url, "psycopg"),
        "async psycopg": _async_psycopg,
        "connection": _connection,
        "session": _session,
        "psycopg": _psycopg,
    }
    async with opens[kind](url) as opened:
        yield opened


@asynccontextmanager
async def _asyncpg(url: str) -> AsyncGenerator[User, None]:
    # Behind a pooler, users leave no statement on a connection either.
    connection = await asyncpg.connect(plain(url), statement_cache_size=0 if "pooler=" in url else 100)
    try:
        transaction = connection.transaction()
        await transaction.start()
        yield User(connection, False, connection.execute, transaction.commit, transaction.rollback)
    finally:
        await connection.close()


@asynccontextmanager
async def _asyncpg_pool(url: str) -> AsyncGenerator[User, None]:
    async with asyncpg.create_pool(plain(url), min_size=1, max_size=1) as pool, pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        yield User(connection, False, connection.execute, transaction.commit, transaction.rollback)


@asynccontextmanager
async def _async_connection(url: str) -> AsyncGenerator[User, None]:
    engine = create_async_engine(by(url, "asyncpg"), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        yield User(connection, False, connection.exec_driver_sql, connection.commit, connection.rollback)


@asynccontextmanager
async def _async_session(url: str, driver: str) -> AsyncGenerator[User, None]:
    async with AsyncSession(create_async_engine(by(url, driver), poolclass=NullPool)) as session:
        await session.execute(text("SELECT 1"))

        async def run(sql: str) -> None:
            await session.execute(text(sql))

        yield User(session, False, run, session.commit, session.rollback)


@asynccontextmanager
async def _async_psycopg(url: str) -> AsyncGenerator[User, None]:
    connection: Any = await psycopg.AsyncConnection.connect(plain(url), row_factory=AS_DICTS)
    try:
        await connection.execute("SELECT 1")
        yield User(connection, False, connection.execute, connection.commit, connection.rollback)
    finally:
        await connection.close()


@asynccontextmanager
async def _connection(url: str) -> AsyncGenerator[User, None]:
    with create_engine(by(url, "psycopg"), poolclass=NullPool).connect() as connection:
        connection.begin()
        yield _blocking(connection, connection.exec_driver_sql)


@asynccontextmanager
async def _session(url: str) -> AsyncGenerator[User, None]:
    with Session(create_engine(by(url, "psycopg"), poolclass=NullPool)) as session:
        session.begin()
        yield _blocking(session, lambda sql: session.execute(text(sql)))


@asynccontextmanager
async def _psycopg(url: str) -> AsyncGenerator[User, None]:
    # Nothing of it blocks the loop: a pooler may run there.
    connection: Any = await asyncio.to_thread(psycopg.connect, plain(url), row_factory=AS_DICTS)
    try:
        await asyncio.to_thread(connection.execute, "SELECT 1")
        yield _blocking(connection, connection.execute)
    finally:
        connection.close()


def _blocking(connection: Any, run: Callable[[str], Any]) -> User:
    def threaded(call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: asyncio.to_thread(call, *args)

    return User(connection, True, threaded(run), threaded(connection.commit), threaded(connection.rollback))
