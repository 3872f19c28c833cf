"""DBOS: one workflow a job, no steps, a queue polled every 50 ms (its default is 1 s), pool of 20."""
# pyright: basic, reportMissingImports=false
# The package is in the peer's environment only.

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, DBOSClient

from benchmarks.peers.contestant import A, B, main, notes

_AT_ONCE = 16


class Client:
    def __init__(self, client: Any) -> None:
        self._client = client

    async def one(self, number: int) -> None:
        await self._client.enqueue_async({"queue_name": "bench", "workflow_name": "b"}, number)

    tell = one

    async def chains(self, numbers: Sequence[int]) -> None:
        """There is no bulk form: several callers at once."""
        left = iter(numbers)

        async def caller() -> None:
            for number in left:
                await self._client.enqueue_async({"queue_name": "bench", "workflow_name": "a"}, number)

        await asyncio.gather(*[caller() for _ in range(_AT_ONCE)])


@asynccontextmanager
async def client(dsn: str) -> AsyncGenerator[Client, None]:
    found = DBOSClient(system_database_url=dsn, system_database_pool_size=20)
    try:
        yield Client(found)
    finally:
        found.destroy()


@asynccontextmanager
async def work(dsn: str) -> AsyncGenerator[None, None]:
    DBOS(config={"name": "bench", "system_database_url": dsn, "sys_db_pool_size": 20, "log_level": "ERROR"})

    async def b(number: int) -> None:
        notes.note(B + number)

    second = DBOS.workflow(name="b")(b)

    async def a(number: int) -> None:
        notes.note(A + number)
        await DBOS.enqueue_workflow_async("bench", second, number)

    DBOS.workflow(name="a")(a)
    DBOS.launch()
    await DBOS.register_queue_async("bench", polling_interval_sec=0.05)
    try:
        yield
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    main(client, work)
