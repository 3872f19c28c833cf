"""ensue: one process with every role, as `ensue run` starts it; `b` reacts to each success of `a`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.peers.contestant import A, B, main, notes
from ensue import Engine, on_success
from ensue_adapters.cli.process import settle_in


def _engine(dsn: str) -> tuple[Engine, Any, Any]:
    engine = Engine(dsn, app_id="bench")

    @engine.task(name="a")
    async def a(number: int) -> dict[str, int]:
        notes.note(A + number)
        return {"number": number}

    @engine.task(name="b", triggers=on_success(a).with_args_from_result("number"))
    async def b(number: int) -> None:
        notes.note(B + number)

    return engine, a, b


class Client:
    """Submits tasks."""

    def __init__(self, engine: Engine, first: Any, second: Any) -> None:
        self._engine, self._first, self._second = engine, first, second

    async def one(self, number: int) -> None:
        """Submit one `b`."""
        await self._second.submit(number)

    async def tell(self, number: int) -> None:
        """Emit one event."""
        await self._engine.emit("told", {"number": number})

    async def chains(self, numbers: Sequence[int]) -> None:
        """Submit many `a`: those that wait share a commit."""
        await asyncio.gather(*[self._first.submit(number) for number in numbers])


@asynccontextmanager
async def client(dsn: str) -> AsyncGenerator[Client, None]:
    """Open a client."""
    engine, first, second = _engine(dsn)
    async with engine:
        yield Client(engine, first, second)


@asynccontextmanager
async def work(dsn: str) -> AsyncGenerator[None, None]:
    """Run scheduler, worker and projectors."""
    settle_in()
    engine, _, _ = _engine(dsn)
    async with engine.running():
        yield


if __name__ == "__main__":
    main(client, work)
