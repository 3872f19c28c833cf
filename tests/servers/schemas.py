"""A schema of its own for each test, on the session's server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from tests.servers.postgres import Server


@asynccontextmanager
async def fresh_schema(server: Server, options: str = "") -> AsyncGenerator[str, None]:
    """Yield the URL of a schema that is not there yet, and remove what became of it."""
    name = f"t{uuid4().hex[:16]}"
    try:
        yield f"{server.url}?schema={name}{options}"
    finally:
        connection = await asyncpg.connect(server.url)
        try:
            await connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')
        finally:
            await connection.close()
