"""procrastinate: run_worker_async, listen_notify, concurrency 20."""
# pyright: basic, reportMissingImports=false
# The package is in the peer's environment only.

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import procrastinate

from benchmarks.peers.contestant import A, B, main, notes


def _app(dsn: str) -> tuple[Any, Any, Any]:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn, max_size=10))

    async def b(number: int) -> None:
        notes.note(B + number)

    second = app.task(b, name="b")

    async def a(number: int) -> None:
        notes.note(A + number)
        await second.defer_async(number=number)

    return app, app.task(a, name="a"), second


class Client:
    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = first, second

    async def one(self, number: int) -> None:
        await self._second.defer_async(number=number)

    tell = one

    async def chains(self, numbers: Sequence[int]) -> None:
        await self._first.batch_defer_async(*[{"number": number} for number in numbers])


@asynccontextmanager
async def client(dsn: str) -> AsyncGenerator[Client, None]:
    app, first, second = _app(dsn)
    async with app.open_async():
        yield Client(first, second)


@asynccontextmanager
async def work(dsn: str) -> AsyncGenerator[None, None]:
    app, _, _ = _app(dsn)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        task = asyncio.create_task(app.run_worker_async(concurrency=20, install_signal_handlers=False))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


if __name__ == "__main__":
    main(client, work)
