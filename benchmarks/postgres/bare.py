"""What the same server does bare: asyncpg, the log's table and indexes, nothing else."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from uuid_utils import uuid7

from benchmarks.figures import median
from benchmarks.postgres.databases import connected

if TYPE_CHECKING:
    from asyncpg import Connection, Record

SCHEMA = """
CREATE TABLE bare (
    namespace integer NOT NULL,
    position bigint NOT NULL,
    id uuid NOT NULL,
    time bigint NOT NULL,
    kind text NOT NULL,
    version smallint NOT NULL,
    cause text,
    root text,
    data bytea NOT NULL,
    PRIMARY KEY (namespace, position)
);
CREATE UNIQUE INDEX bare_id ON bare (namespace, id);
"""
_INSERT = "INSERT INTO bare VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_DATA = b'{"fact":"EventEmitted","code":"noise","payload":{"n":%d}}'


class Bare:
    """A table like the log, in a database of its own."""

    def __init__(self, connection: Connection[Record]) -> None:
        self._connection = connection
        self._position = 0

    async def make(self) -> None:
        """Make the table, and prepare the statement."""
        await self._connection.execute(SCHEMA)
        await self.commit_singles(20)

    async def commit_singles(self, count: int, pause: float = 0.0) -> list[float]:
        """Insert events one by one, each its own commit, with a pause before each; return the seconds of each."""
        took: list[float] = []
        for row in self._rows(count):
            if pause:
                await asyncio.sleep(pause)
            began = time.perf_counter()
            await self._connection.execute(_INSERT, *row)
            took.append(time.perf_counter() - began)
        return took

    async def copy(self, count: int) -> float:
        """Copy events in one transaction; return the seconds, making the rows included."""
        began = time.perf_counter()
        await self._connection.copy_records_to_table("bare", records=self._rows(count))
        return time.perf_counter() - began

    def _rows(self, count: int) -> list[tuple[Any, ...]]:
        now = time.time_ns() // 1000
        first = self._position + 1
        self._position += count
        return [
            (
                1,
                position,
                UUID(bytes=uuid7().bytes),
                now,
                "EventEmitted",
                1,
                None,
                None,
                _DATA % position,
            )
            for position in range(first, first + count)
        ]


async def commit_p50(url: str, count: int, pause: float) -> float:
    """Return the median seconds of one bare commit, at rest: a connection that was just used answers twice as fast."""
    async with connected(url) as connection:
        bare = Bare(connection)
        await bare.make()
        return median(await bare.commit_singles(count, pause))
