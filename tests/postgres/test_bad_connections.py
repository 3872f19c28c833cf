"""A connection that cannot carry an event is refused in one sentence, and nothing of it enters the log."""

import asyncio
import re
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from ensue import BadConnection, Engine, StoreError
from ensue_adapters.postgres.place import parse_url
from tests.postgres.callers import KINDS, by, plain, user
from tests.postgres.stores import codes, connected, opened
from tests.postgres.test_schema import role
from tests.servers.postgres import Server

NO_TRANSACTION = (
    "the connection is not in a transaction, so there is no commit to wait for: open one around this call, or leave "
    "connection= out"
)
CLOSED = "the connection is closed: give one that is open, with a transaction, or leave connection= out"
ABORTED = (
    "the connection's transaction has failed before and takes nothing more: roll it back, and emit in the next one"
)


@asynccontextmanager
async def client(url: str) -> AsyncGenerator[Engine, None]:
    """An engine that only emits."""
    async with Engine(url, app_id="test") as engine:
        yield engine


async def refusal(engine: Engine, connection: Any, blocks: bool = False) -> str:
    """What an emit on a connection is refused with."""
    given: Any = connection
    with pytest.raises(BadConnection) as caught:
        await (
            asyncio.to_thread(engine.sync.emit, "refused", {}, connection=given)
            if blocks
            else engine.emit("refused", {}, connection=given)
        )
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_connection_without_a_transaction_is_refused(postgres_url: str, kind: str) -> None:
    async with client(postgres_url) as engine, user(kind, postgres_url) as caller:
        await caller.emit(engine, "kept", {})
        await caller.commit()
        assert await refusal(engine, caller.connection, caller.blocks) == NO_TRANSACTION
        await engine.store.log.head()
        assert await codes(engine.store) == ["kept"]


async def test_a_connection_that_commits_by_itself_is_refused(postgres_url: str) -> None:
    async with client(postgres_url) as engine:
        awaited = create_async_engine(by(postgres_url, "asyncpg"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        async with awaited.begin() as connection:
            assert await refusal(engine, connection) == NO_TRANSACTION
        blocking = create_engine(by(postgres_url, "psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with Session(blocking) as session, session.begin():
            assert await refusal(engine, session, True) == NO_TRANSACTION
        with psycopg.connect(plain(postgres_url), autocommit=True) as by_itself:
            assert await refusal(engine, by_itself, True) == NO_TRANSACTION
            with by_itself.transaction():
                await asyncio.to_thread(engine.sync.emit, "kept", {}, connection=by_itself)
        await engine.store.log.head()
        assert await codes(engine.store) == ["kept"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_closed_connection_is_refused(postgres_url: str, kind: str) -> None:
    async with client(postgres_url) as engine:
        async with user(kind, postgres_url) as caller:
            pass
        # A SQLAlchemy session can be used again: closing it ends its transaction, and that is what is missing.
        wanted = NO_TRANSACTION if "session" in kind else CLOSED
        assert await refusal(engine, caller.connection, caller.blocks) == wanted


async def test_a_connection_that_was_never_opened_is_refused(postgres_url: str) -> None:
    async with client(postgres_url) as engine:
        maker = create_async_engine(by(postgres_url, "asyncpg"), poolclass=NullPool)
        assert await refusal(engine, maker.connect()) == CLOSED


@pytest.mark.parametrize("kind", KINDS)
async def test_an_aborted_transaction_is_refused(postgres_url: str, kind: str) -> None:
    async with client(postgres_url) as engine, user(kind, postgres_url) as caller:
        with pytest.raises(Exception, match="division by zero"):
            await caller.run("SELECT 1 / 0")
        assert await refusal(engine, caller.connection, caller.blocks) == ABORTED


async def test_a_session_that_has_lost_its_connection_is_refused(postgres_url: str) -> None:
    async with client(postgres_url) as engine:
        with Session(create_engine(by(postgres_url, "psycopg"), poolclass=NullPool)) as session:
            session.execute(text("SELECT 1"))
            session.connection().invalidate()
            assert await refusal(engine, session, True) == ABORTED


async def test_a_transaction_that_may_not_write_is_refused(postgres_url: str) -> None:
    async with client(postgres_url) as engine, connected(postgres_url) as reader:
        async with reader.transaction(readonly=True):
            said = await refusal(engine, reader)
        assert said == ("the connection's transaction is read-only: open one that may write, or leave connection= out")


@asynccontextmanager
async def another_database(url: str) -> AsyncGenerator[str, None]:
    """A database beside the engine's, on the same server: the URL of a schema of the same name in it."""
    name = f"d{uuid4().hex[:12]}"
    connection = await asyncpg.connect(plain(url))
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield url.replace("/postgres?", f"/{name}?")
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_connection_to_another_database_is_refused_and_goes_on(postgres_url: str, kind: str) -> None:
    place = parse_url(postgres_url)
    async with (
        another_database(postgres_url) as elsewhere,
        client(postgres_url) as engine,
        opened(elsewhere) as other,
        user(kind, elsewhere) as caller,
    ):
        assert await refusal(engine, caller.connection, caller.blocks) == (
            f"the connection leads to another database than the engine's ({place.name}, schema {place.schema!r}): "
            "connect to that one, or leave connection= out"
        )
        await caller.run("SELECT 1")
        await caller.commit()
        assert (await other.log.head()).position == (await engine.store.log.head()).position == 0


@pytest.mark.parametrize("kind", ["asyncpg", "async session", "session", "psycopg"])
@pytest.mark.parametrize("holds", ["nothing", "an empty schema"])
async def test_a_connection_to_a_database_without_the_schema_is_refused(
    postgres_url: str, kind: str, holds: str
) -> None:
    place = parse_url(postgres_url)
    async with another_database(postgres_url) as elsewhere, client(postgres_url) as engine:
        if holds != "nothing":
            async with connected(elsewhere) as owner:
                await owner.execute(f"CREATE SCHEMA {place.schema}")
        async with user(kind, elsewhere) as caller:
            assert await refusal(engine, caller.connection, caller.blocks) == (
                f"the connection leads to a database without schema {place.schema!r}, or with an old one: connect to "
                f"{place.name}, or run `ensue db upgrade` there"
            )


async def test_a_connection_to_another_kind_of_database_is_refused(postgres_url: str, tmp_path: Path) -> None:
    async with client(postgres_url) as engine:
        with Session(create_engine(f"sqlite:///{tmp_path}/a.db", poolclass=NullPool)) as session:
            session.begin()
            assert await refusal(engine, session, True) == (
                "the connection leads to a sqlite database: give one to the Postgres database of the engine, or leave "
                "connection= out"
            )
        with Session() as session:
            session.begin()
            assert (await refusal(engine, session, True)).endswith(": give it one with bind=")


async def test_an_object_of_another_kind_is_refused(postgres_url: str) -> None:
    async with client(postgres_url) as engine:
        takes = "an asyncpg Connection, a SQLAlchemy AsyncSession or AsyncConnection, or a psycopg AsyncConnection"
        assert await refusal(engine, "a string") == f"connection= takes {takes}, and this is a builtins.str"
        maker: Any = create_async_engine(by(postgres_url, "asyncpg"), poolclass=NullPool)
        assert (await refusal(engine, maker)).endswith("and this is a sqlalchemy.ext.asyncio.engine.AsyncEngine")
        assert await refusal(engine, object(), True) == (
            "connection= takes a SQLAlchemy Session or Connection, or a psycopg Connection, and this is a "
            "builtins.object"
        )
        async with user("session", postgres_url) as caller:
            assert await refusal(engine, caller.connection) == (
                "this Session of sqlalchemy is blocking: use engine.sync.emit(...), or submit, for it"
            )
        async with user("asyncpg", postgres_url) as caller:
            assert await refusal(engine, caller.connection, True) == (
                "this Connection of asyncpg is awaited: use await engine.emit(...), or submit, for it"
            )


async def test_a_busy_connection_is_refused(postgres_url: str) -> None:
    async with client(postgres_url) as engine, user("asyncpg", postgres_url) as caller:
        slow = asyncio.ensure_future(caller.run("SELECT pg_sleep(0.3)"))
        await asyncio.sleep(0.05)
        assert await refusal(engine, caller.connection) == (
            "the connection is busy with another statement: emit when that has ended"
        )
        await slow


@pytest.mark.parametrize("kind", ["asyncpg", "async session", "psycopg"])
async def test_a_role_that_may_not_use_the_schema_is_refused(postgres: Server, postgres_url: str, kind: str) -> None:
    async with client(postgres_url) as engine, role(postgres, postgres_url, "") as url, user(kind, url) as caller:
        assert re.fullmatch(
            r"the connection's role may not use schema '\w+' \(.*permission denied for schema \w+\): GRANT USAGE ON "
            "SCHEMA to it",
            await refusal(engine, caller.connection, caller.blocks),
        )


@pytest.mark.parametrize("kind", KINDS)
async def test_a_role_with_no_right_but_usage_emits(postgres: Server, postgres_url: str, kind: str) -> None:
    usage = "GRANT USAGE ON SCHEMA ensue TO shop"
    async with client(postgres_url) as engine, role(postgres, postgres_url, usage) as url, user(kind, url) as caller:
        await caller.emit(engine, "a", {"n": 1})
        await caller.emit(engine, "b", {"n": 1}, idempotency_key="k")
        await caller.commit()
        await engine.store.log.head()
        assert await codes(engine.store) == ["a", "b"]


async def test_what_the_transaction_itself_brings_about_is_the_drivers_own(postgres_url: str) -> None:
    async with client(postgres_url) as engine, user("asyncpg", postgres_url) as caller:
        await engine.emit("first", {})
        schema = parse_url(postgres_url).schema
        async with connected(postgres_url) as other, other.transaction():
            await other.execute(f'LOCK TABLE "{schema}".intake IN EXCLUSIVE MODE')
            await caller.run("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await engine.emit("refused", {}, connection=caller.connection)


async def test_a_scoped_session_is_its_session(postgres_url: str) -> None:
    async with client(postgres_url) as engine:
        maker = sessionmaker(create_engine(by(postgres_url, "psycopg"), poolclass=NullPool))
        scoped = scoped_session(maker)

        def emit() -> None:
            with scoped.begin():
                engine.sync.emit("kept", {}, connection=scoped)
            scoped.remove()

        await asyncio.to_thread(emit)
        await engine.store.log.head()
        assert await codes(engine.store) == ["kept"]


@pytest.mark.parametrize("url", ["memory:", "sqlite:///a.db"])
async def test_a_store_that_shares_no_transaction_names_those_that_do(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    maker = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none", poolclass=NullPool)
    async with Engine(url, app_id="test") as engine:
        calls: list[Coroutine[Any, Any, Any]] = [
            engine.emit("a", {}, connection=AsyncSession(maker)),
            engine.emit_many("a", [{}], connection=AsyncSession(maker)),
            engine.submit("shop.pay", connection=AsyncSession(maker)),
            asyncio.to_thread(engine.sync.emit, "a", {}, connection=Session()),
        ]
        for call in calls:
            with pytest.raises(StoreError, match=r"(Memory|SQLite)Store cannot: use a postgresql:// store, or emit"):
                await call
        assert (await engine.store.log.head()).position == 0
