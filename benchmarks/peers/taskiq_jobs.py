"""taskiq with taskiq-postgres: AsyncpgBroker, 100 async tasks at most, no result backend, uvloop."""
# pyright: basic, reportMissingImports=false
# The package is in the peer's environment only.

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from taskiq.api import run_receiver_task
from taskiq_pg.asyncpg import AsyncpgBroker

from benchmarks.peers.contestant import A, B, main, notes


def _broker(dsn: str) -> tuple[Any, Any, Any]:
    broker = AsyncpgBroker(dsn)

    async def b(number: int) -> None:
        notes.note(B + number)

    second = broker.register_task(b, task_name="b")

    async def a(number: int) -> None:
        notes.note(A + number)
        await second.kiq(number)

    return broker, broker.register_task(a, task_name="a"), second


class Client:
    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = first, second

    async def one(self, number: int) -> None:
        await self._second.kiq(number)

    tell = one

    async def chains(self, numbers: Sequence[int]) -> None:
        """There is no bulk form: all callers at once share the broker's pool."""
        await asyncio.gather(*[self._first.kiq(number) for number in numbers])


@asynccontextmanager
async def client(dsn: str) -> AsyncGenerator[Client, None]:
    broker, first, second = _broker(dsn)
    await broker.startup()
    try:
        yield Client(first, second)
    finally:
        await broker.shutdown()


@asynccontextmanager
async def work(dsn: str) -> AsyncGenerator[None, None]:
    broker, _, _ = _broker(dsn)
    broker.is_worker_process = True
    await broker.startup()
    task = asyncio.create_task(run_receiver_task(broker, max_async_tasks=100))
    await asyncio.sleep(0.5)  # it says nowhere when it listens, and it hears only what comes then
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await broker.shutdown()


if __name__ == "__main__":
    main(client, work)
