"""Emitting in a transaction of the caller's: each library's own connections and sessions fit as they are."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, assert_type

import asyncpg
import msgspec
import psycopg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, scoped_session

from ensue import Emitted, Engine, Event, Handle, Tasks, on_event


class OrderPaid(msgspec.Struct, frozen=True):
    order: str


order_paid = Event("order.paid", OrderPaid)
tasks = Tasks("shop")
engine = Engine("postgresql://db/shop", tasks=[tasks])
sessions = async_sessionmaker(create_async_engine("postgresql+asyncpg://db/shop"))


@tasks.task(triggers=on_event(order_paid).with_args_from_event("order"))
async def pack(order: str) -> int:
    return len(order)


class App:
    """An application as web frameworks have them."""

    def __init__(self, lifespan: object) -> None:
        self.lifespan = lifespan


def lifespan(app: App) -> AbstractAsyncContextManager[None]:
    return engine.lifespan(app)


app = App(lifespan)


async def pay(order: str) -> str:
    async with sessions.begin() as session:
        event = await engine.emit(order_paid, OrderPaid(order), connection=session)
        handle = await pack.options(connection=session, idempotency_key=order).submit(order)
    assert_type(event, Emitted)
    assert_type(handle, Handle[int])
    await event.settled(timeout=5)
    return event.id + str(await handle.result(timeout=5))


async def by_asyncpg(pool: asyncpg.Pool[asyncpg.Record], own: asyncpg.Connection[asyncpg.Record]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await engine.emit(order_paid, OrderPaid("1"), connection=connection)
        await engine.emit_many(order_paid, [OrderPaid("1")], connection=connection)
    async with own.transaction():
        await engine.emit("order.paid", {"order": "1"}, connection=own)
        assert_type(await engine.submit(pack, "1", connection=own), Handle[int])


async def by_sqlalchemy(session: AsyncSession, connection: AsyncConnection) -> None:
    async with session.begin(), connection.begin():
        await engine.emit_many("order.paid", [{"order": "1"}], connection=session)
        await engine.emit(order_paid, OrderPaid("1"), connection=connection, idempotency_key="k")


async def by_psycopg(connection: psycopg.AsyncConnection[dict[str, Any]]) -> None:
    async with connection.transaction():
        await engine.emit(order_paid, OrderPaid("1"), connection=connection)


def blocking(
    session: Session,
    scoped: scoped_session[Session],
    connection: Connection,
    psycopg_connection: psycopg.Connection[dict[str, Any]],
) -> None:
    assert_type(engine.sync.emit(order_paid, OrderPaid("1"), connection=session), Emitted)
    engine.sync.emit("order.paid", {"order": "1"}, connection=scoped)
    engine.sync.emit_many(order_paid, [OrderPaid("1")], connection=connection)
    with psycopg_connection.transaction():
        engine.sync.emit(order_paid, OrderPaid("1"), connection=psycopg_connection)
        assert_type(engine.sync.submit(pack, "1", connection=psycopg_connection), Handle[int])
    assert_type(engine.sync.submit(pack.options(idempotency_key="k"), "1", connection=session), Handle[int])
