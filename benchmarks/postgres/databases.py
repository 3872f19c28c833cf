"""Databases to measure in: made new for each contestant, dropped after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from asyncpg import Connection, Record


@asynccontextmanager
async def database(server: str, name: str) -> AsyncGenerator[str, None]:
    """Make a database and give its URL; drop it after."""
    async with connected(server) as connection:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield server.rpartition("/")[0] + "/" + name
    finally:
        async with connected(server) as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Connection[Record], None]:
    """A bare connection."""
    connection: Connection[Record] = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def until_none(connection: Connection[Any], question: str, pause: float = 0.005) -> None:
    """Wait until a count is 0."""
    while await connection.fetchval(question):
        await asyncio.sleep(pause)
