"""pgqueuer: PgQueuer.run, batch_size 500, asyncpg pool of 10, uvloop."""
# pyright: basic, reportMissingImports=false
# The package is in the peer's environment only.

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from pgqueuer import AsyncpgPoolDriver, PgQueuer, Queries

from benchmarks.peers.contestant import A, B, main, notes


class Client:
    def __init__(self, queries: Any) -> None:
        self._queries = queries

    async def one(self, number: int) -> None:
        await self._queries.enqueue("b", str(number).encode())

    tell = one

    async def chains(self, numbers: Sequence[int]) -> None:
        payloads = [str(number).encode() for number in numbers]
        await self._queries.enqueue(["a"] * len(numbers), payloads, [0] * len(numbers))


@asynccontextmanager
async def client(dsn: str) -> AsyncGenerator[Client, None]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=10) as pool:
        yield Client(Queries(AsyncpgPoolDriver(pool)))


@asynccontextmanager
async def work(dsn: str) -> AsyncGenerator[None, None]:
    async with asyncpg.create_pool(dsn, min_size=10, max_size=10) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        if not await pool.fetchval("SELECT to_regclass('pgqueuer') IS NOT NULL"):
            await queries.install()
        queuer = PgQueuer(AsyncpgPoolDriver(pool))

        async def a(job: Any) -> None:
            notes.note(A + int(job.payload))
            await queries.enqueue("b", job.payload)

        async def b(job: Any) -> None:
            notes.note(B + int(job.payload))

        queuer.entrypoint("a")(a)
        queuer.entrypoint("b")(b)
        task = asyncio.create_task(queuer.run(batch_size=500))
        yield
        queuer.shutdown.set()
        with suppress(Exception):
            await asyncio.wait_for(task, 5)


if __name__ == "__main__":
    main(client, work)
