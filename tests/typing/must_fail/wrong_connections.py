"""Connections that a call cannot use."""

from __future__ import annotations

import sqlite3

import asyncpg
import msgspec
import psycopg
from sqlalchemy import Engine as SQLAlchemyEngine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, sessionmaker

from ensue import Engine, Event, Tasks


class OrderPaid(msgspec.Struct, frozen=True):
    order: str


order_paid = Event("order.paid", OrderPaid)
tasks = Tasks("shop")
engine = Engine("postgresql://db/shop", tasks=[tasks])
paid = OrderPaid("1")


@tasks.task
async def pack(order: str) -> int:
    return len(order)


async def awaited(
    session: Session,
    connection: psycopg.Connection,
    pool: asyncpg.Pool[asyncpg.Record],
    maker: async_sessionmaker[AsyncSession],
    sqlalchemy: AsyncEngine,
    file: sqlite3.Connection,
) -> None:
    await engine.emit("order.paid", {}, connection="a name")  # E: mypy,pyright
    await engine.emit("order.paid", {}, connection=session)  # E: mypy,pyright
    await engine.emit("order.paid", {}, connection=connection)  # E: mypy,pyright
    await engine.emit("order.paid", {}, connection=pool)  # E: mypy,pyright
    await engine.emit("order.paid", {}, connection=maker)  # E: mypy,pyright
    await engine.emit("order.paid", {}, connection=sqlalchemy)  # E: mypy,pyright
    await engine.emit("order.paid", {}, connection=file)  # E: mypy,pyright
    await engine.emit_many("order.paid", [{}], connection=session)  # E: mypy,pyright
    pack.options(connection=session)  # E: mypy,pyright


def blocking(
    session: AsyncSession,
    connection: asyncpg.Connection[asyncpg.Record],
    maker: sessionmaker[Session],
    sqlalchemy: SQLAlchemyEngine,
    file: sqlite3.Connection,
) -> None:
    engine.sync.emit("order.paid", {}, connection=session)  # E: mypy,pyright
    engine.sync.emit("order.paid", {}, connection=connection)  # E: mypy,pyright
    engine.sync.emit("order.paid", {}, connection=maker)  # E: mypy,pyright
    engine.sync.emit("order.paid", {}, connection=sqlalchemy)  # E: mypy,pyright
    engine.sync.emit("order.paid", {}, connection=file)  # E: mypy,pyright
    engine.sync.emit_many("order.paid", [{}], connection=session)  # E: mypy,pyright
    engine.sync.emit(order_paid, "1")  # E: mypy,pyright
