"""What the same server does bare: asyncpg, the log's table and indexes, nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

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
_INSERT_MANY = """
INSERT INTO bare
SELECT * FROM unnest(
    $1::integer[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::smallint[], $7::text[], $8::text[],
    $9::bytea[]
)
"""
_INSERT_NEW = _INSERT_MANY + "ON CONFLICT DO NOTHING"
_INSERT = "INSERT INTO bare VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_DATA = b'{"fact":"EventEmitted","code":"noise","payload":{"n":%d}}'


def _growing() -> UUID:
    return UUID(bytes=uuid7().bytes)


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

    async def insert(self, count: int, keyed: bool = False) -> float:
        """Insert events with one statement, its own commit; return the seconds, making the rows included.

        `keyed`: ids do not grow with time, as where they are made from somebody else's, and one that is there is left.
        """
        began = time.perf_counter()
        rows = self._rows(count, uuid4 if keyed else _growing)
        statement = _INSERT_NEW if keyed else _INSERT_MANY
        await self._connection.execute(statement, *map(list, zip(*rows, strict=True)))
        return time.perf_counter() - began

    async def copy(self, count: int) -> float:
        """Copy events in one transaction; return the seconds, making the rows included."""
        began = time.perf_counter()
        await self._connection.copy_records_to_table("bare", records=self._rows(count))
        return time.perf_counter() - began

    def _rows(self, count: int, id: Callable[[], UUID] = _growing) -> list[tuple[Any, ...]]:
        now = time.time_ns() // 1000
        first = self._position + 1
        self._position += count
        return [
            (
                1,
                position,
                id(),
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
